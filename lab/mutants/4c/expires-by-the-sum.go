//go:build mutant

// Start and time to live are added before they are compared. A time to live that means
// "never" wraps around, and the lock expires at once.
//
//lab:mutant 4C kv/transaction
package transaction

func (l *Lock) Expired(now uint64) bool {
	return uint64(Physical(now)) >= uint64(Physical(l.StartTS))+l.TTL
}
