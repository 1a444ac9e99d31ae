//go:build mutant

// The time to live is added to the timestamp as it is. It is in milliseconds, and the
// lowest bit of a timestamp is far less: locks expire at once.
//
//lab:mutant 4C kv/transaction
package transaction

func (l *Lock) Expired(now uint64) bool {
	return now >= l.StartTS+l.TTL
}
