// Package badger is the engine on disk, on top of github.com/Connor1996/badger:
// a log-structured merge tree in the manner of WiscKey, here with all values in
// the tree. It needs cgo, because that fork compresses with the C library of
// zstd. Without cgo, the package holds nothing but this comment.
//
//	e, err := badger.Open(dir, badger.Options{Families: engine.Families})
//
// # Layout
//
// A column family is a prefix of the keys: its name and a zero byte, which no
// name contains. Keys that begin with the zero byte are the engine's own.
// Beside badger's files the directory has FORMAT, which names the format of the
// directory and its families, and LOCK.engine, which is locked while an engine
// is open.
//
// # Writing
//
// Callers of Write wait in a queue. The first is the leader: it merges the
// batches of the callers after it, up to a megabyte, into one transaction of
// badger, which goes to the write-ahead log and to the table in memory, in that
// order. The callers that asked for a sync then share one, too: a caller that
// finds no sync under way starts one, the others wait for the next. So many
// writers cost few system calls, and a caller that did not ask for a sync never
// waits for one.
//
// The fork cannot choose per transaction whether to sync (SyncWrites syncs all
// of them), so it is told not to, and Engine syncs the log itself. That is
// sound because the log is append-only, and badger syncs each of its files
// before it starts the next: a sync of the newest file makes everything
// durable.
//
// A batch must not be torn by a crash, and badger alone would allow it: a
// transaction that straddles the end of a table in memory goes into two, and
// the first may reach the disk as a finished table before the log has the rest.
// A batch that might straddle is therefore written twice, first as the value of
// a single key, the intent; the next batch removes it. When Open finds an
// intent, the batch in it is the last one that survived, whole or in part, and
// is applied again.
//
// # Reading
//
// A snapshot is a transaction that only reads. Versions of a key that a
// snapshot may still need are kept through compactions for as long as it is
// open: close snapshots soon. Badger's own lookup of a single key uses an index
// that misses an old version if many newer ones follow it in one table, so
// snapshots look up keys with an iterator.
//
// # Limits
//
// With the default options the limits of package engine apply. With smaller
// tables in memory the limits are lower: a batch must not be larger than a
// quarter of Options.MemTableSize, nor have so many writes that their names and
// lengths take another quarter. A batch beyond a limit gets an
// *engine.TooLargeError before anything is applied.
//
// Below six times MemTableSize of free space Write returns engine.ErrDiskFull:
// the rest is for data that is already written and on its way to tables,
// because badger does not survive a full disk.
//
// # Damage
//
// Open checks the directory before badger opens it, because badger ends the
// process over some damage, and silently loses data over other damage. A crash
// may tear the end of the log; Open cuts it off after the last whole batch.
// Damage that no crash can cause is a *CorruptError: a log that is broken
// before a point that was once synced, a manifest or a table that is broken or
// missing. To find it, Open reads all of the data once, at the speed of the
// disk. The tables have no checksums, so a wrong byte inside a value can still
// go unnoticed.
//
// The value log needs no garbage collection: with all values in the tree it is
// only a write-ahead log, and badger deletes its files once the tables hold
// their content. It keeps the last ten.
package badger
