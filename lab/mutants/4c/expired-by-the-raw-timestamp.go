//go:build mutant

// A lock expires when the whole timestamp is over, logical part included: some
// timestamps of the right millisecond are still too small.
//
//lab:mutant 4C kv/transaction
package transaction

func (l *Lock) Expired(now uint64) bool {
	return now >= l.StartTS+l.TTL<<LogicalBits
}
