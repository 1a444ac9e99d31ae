//go:build mutant

// A lock whose time to live is just over is still alive.
//
//lab:mutant 4C kv/transaction
package transaction

func (l *Lock) Expired(now uint64) bool {
	age := Physical(now) - Physical(l.StartTS)
	return uint64(max(age, 0)) > l.TTL
}
