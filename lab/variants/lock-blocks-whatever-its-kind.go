//go:build variant

// Readers wait for locks of kind Lock, too, and not for a lock of their own
// timestamp. The comment on Blocks leaves both free: the one changes nothing that a
// reader sees, and the other commits above.
//
//lab:variant kv/transaction 4A 4B 4C kv/server
package transaction

func (l *Lock) Blocks(ts uint64) bool { return l.StartTS < ts }
