//go:build cgo

package badger

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/Connor1996/badger"
	"github.com/Connor1996/badger/table"
	"github.com/pingcap/errors"
)

// A database is a badger.DB with the operations that badger's own interface
// lacks.
type database struct {
	*badger.DB

	// beginning is held while a transaction begins. Badger first takes a
	// timestamp and then tells the compactions that it is in use. If
	// another transaction began and ended in between, a compaction could
	// drop the versions that the first is about to read.
	beginning sync.Mutex
	// memTable is the offset, in a badger.DB, of the pointer to its table
	// in memory.
	memTable uintptr
}

// openDatabase opens badger. Where badger panics, it returns an error.
func openDatabase(opt badger.Options) (db *database, err error) {
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, errors.Errorf("damaged data: badger panicked: %v", p)
		}
	}()
	// The field is private, but its type and its lock are not. The size of
	// the table decides whether a transaction can be torn.
	field, ok := reflect.TypeFor[badger.DB]().FieldByName("mt")
	if !ok || field.Type != reflect.TypeFor[*table.MemTable]() {
		return nil, errors.New("this version of badger has its table in memory in another field: use the version in go.mod")
	}
	b, err := badger.Open(opt)
	if err != nil {
		return nil, err
	}
	return &database{DB: b, memTable: field.Offset}, nil
}

// begin begins a transaction. The caller must Discard it.
func (db *database) begin(update bool) *badger.Txn {
	db.beginning.Lock()
	defer db.beginning.Unlock()
	return db.NewTransaction(update)
}

// memSize returns the size of the table in memory, in bytes. It may count the
// last few transactions twice: badger merges them into the table after it has
// committed them.
func (db *database) memSize() int64 {
	db.RLock()
	defer db.RUnlock()
	mt := *(**table.MemTable)(unsafe.Add(unsafe.Pointer(db.DB), db.memTable))
	return mt.MemSize()
}

// get returns a copy of the newest value of key.
func (db *database) get(key []byte) (value []byte, found bool, err error) {
	txn := db.begin(false)
	defer txn.Discard()
	item, err := txn.Get(key)
	if err == badger.ErrKeyNotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, errors.AddStack(err)
	}
	value, err = item.ValueCopy([]byte{})
	return value, err == nil, errors.AddStack(err)
}

// readCommit returns the newest commit record, or a zero one if there is none.
func (db *database) readCommit() (commitRecord, error) {
	value, found, err := db.get(keyCommit)
	if err != nil || !found {
		return commitRecord{}, err
	}
	c, ok := decodeCommit(value)
	if !ok {
		return commitRecord{}, errors.Errorf("the commit record has %d bytes", len(value))
	}
	return c, nil
}
