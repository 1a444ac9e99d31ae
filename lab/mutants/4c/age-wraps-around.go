//go:build mutant

// The age of a lock is a difference of unsigned numbers. To a client whose timestamp is
// older than the transaction, the lock is as old as can be.
//
//lab:mutant 4C kv/transaction
package transaction

func (l *Lock) Expired(now uint64) bool {
	return uint64(Physical(now))-uint64(Physical(l.StartTS)) >= l.TTL
}
