//go:build cgo

package badger

import (
	"github.com/Connor1996/badger"
	"github.com/Connor1996/badger/options"
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

// Options say how to open an engine. Families is required.
type Options struct {
	// Families are the column families. The first Open fixes them.
	Families []engine.CF

	// MemTableSize is the number of bytes that are collected in memory
	// before they are written to a table on disk: at least 1 MiB; 0 means
	// 64 MiB. The engine uses up to five times as much memory, and a crash
	// leaves as much of the log to replay.
	MemTableSize int64
}

const (
	defaultMemTableSize = 64 << 20
	minMemTableSize     = 1 << 20

	// blockCacheSize bounds the cache of decompressed table blocks, in
	// bytes. Its bookkeeping alone takes a third of it.
	blockCacheSize = 32 << 20

	// memTables is the number of full tables in memory that may wait to be
	// written.
	memTables = 2

	// compactors is the number of compactions that may run at a time. Each
	// starts with a pause of up to a second, and closing waits for the end
	// of all pauses.
	compactors = 2

	// logFiles is the number of files of the log that badger keeps. Each is
	// as large as a table in memory. Badger considers the content of a
	// table in memory safe a moment before the manifest lists its table on
	// disk. If badger deleted old files at once, a crash in that moment
	// would lose the content. So it keeps more files than all tables in
	// memory together can fill.
	logFiles = 10
)

// check sets defaults, and returns an error that says what is wrong with o.
func (o *Options) check() error {
	if err := engine.CheckFamilies(o.Families); err != nil {
		return err
	}
	if o.MemTableSize == 0 {
		o.MemTableSize = defaultMemTableSize
	}
	if o.MemTableSize < minMemTableSize || o.MemTableSize > 1<<30 {
		return errors.Errorf("memory table size of %d bytes is out of range: choose %d to %d", o.MemTableSize, minMemTableSize, 1<<30)
	}
	return nil
}

// maxBatchSize returns the size of the largest batch, in bytes. The intent of a
// batch must fit into a table in memory with room to spare.
func (o *Options) maxBatchSize() int {
	return int(min(engine.MaxBatchSize, o.MemTableSize/4))
}

// reserve returns the number of bytes that must be free for a write to be
// admitted: room for the next file of the log, the tables in memory, and the
// output of a compaction.
func (o *Options) reserve() uint64 {
	return 6 * uint64(o.MemTableSize)
}

// badger returns the options for badger.
func (o *Options) badger(dir string) badger.Options {
	opt := badger.DefaultOptions
	opt.Dir, opt.ValueDir = dir, dir
	opt.SyncWrites = false // see syncer
	opt.ValueThreshold = 0 // all values into the tree: the value log is only a write-ahead log
	opt.TableLoadingMode = options.FileIO
	opt.ValueLogLoadingMode = options.FileIO
	opt.MaxTableSize = o.MemTableSize
	opt.ValueLogFileSize = o.MemTableSize
	opt.ValueLogMaxNumFiles = logFiles
	opt.NumMemtables = memTables
	opt.NumCompactors = compactors
	opt.MaxCacheSize = blockCacheSize
	opt.LevelOneSize = 4 * o.MemTableSize
	opt.TableBuilderOptions.WriteBufferSize = 1 << 20
	return opt
}
