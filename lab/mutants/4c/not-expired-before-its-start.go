//go:build mutant

// A question with a time before the start of the transaction is always answered with
// the time to live of the lock. If that is 0, the answer reads as if the transaction
// was rolled back, and its lock is still there.
//
//lab:mutant 4C kv/transaction
package transaction

func (l *Lock) Expired(now uint64) bool {
	age := Physical(now) - Physical(l.StartTS)
	return age >= 0 && uint64(age) >= l.TTL
}
