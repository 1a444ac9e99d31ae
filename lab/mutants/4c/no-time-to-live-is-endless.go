//go:build mutant

// A time to live of 0 is taken for one that was not set: such a lock stays until its
// client comes back.
//
//lab:mutant 4C kv/transaction
package transaction

func (l *Lock) Expired(now uint64) bool {
	return l.TTL != 0 && l.Expired_original(now)
}
