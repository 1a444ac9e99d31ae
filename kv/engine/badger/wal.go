//go:build cgo

package badger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/Connor1996/badger/y"
)

// The format of badger's log, as its structs.go and value.go define it:
//
//	^meta (1), key length (4), value length (4), user meta length (1),
//	user meta, key and timestamp, value, checksum (4)
//
// A file ends where the next byte is 0, or at its end. A transaction is a run
// of records with the bit txnBit and one timestamp, then one with finBit whose
// value is the timestamp in decimal.
const (
	recordHeader = 10
	recordSum    = 4
	txnBit       = 1 << 6
	finBit       = 1 << 7
	logSuffix    = ".vlog"
)

// logPath returns the path of a file of the log.
func logPath(dir string, file uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%06d%s", file, logSuffix))
}

// checkLog checks the log of dir from start, where its replay will start, and
// cuts off the torn end that a crash may have left. It overwrites that end with
// zeros: otherwise a later crash could tear the log exactly where an old record
// begins, and bring that record back.
func checkLog(dir string, start logPosition) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []uint32
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), logSuffix); ok {
			n, err := strconv.ParseUint(name, 10, 32)
			if err != nil {
				return corrupt(entry.Name(), "has a name that is not a number")
			}
			files = append(files, uint32(n))
		}
	}
	slices.Sort(files)
	switch {
	case len(files) == 0 && start == logPosition{}:
		return nil // the first Open was interrupted
	case len(files) == 0:
		return corrupt(filepath.Base(logPath(dir, start.file)), "is missing")
	}
	for i, file := range files {
		if file != files[0]+uint32(i) {
			return corrupt(filepath.Base(logPath(dir, files[0]+uint32(i))), "is missing")
		}
	}
	if start == (logPosition{}) {
		start.file = files[0] // no table was written yet, or badger starts over
	}
	if start.file < files[0] || start.file > files[len(files)-1] {
		return corrupt(filepath.Base(logPath(dir, start.file)), "is missing")
	}

	last := files[len(files)-1]
	for file := start.file; file <= last; file++ {
		if err := checkLogFile(dir, file, start, file == last); err != nil {
			return err
		}
		start.offset = 0
	}
	return nil
}

// checkLogFile checks one file of the log from start.offset on. Only the last
// file may be torn: each was synced before the next was started. checkLogFile
// syncs the last one, because badger is about to write its content to tables,
// and a table must not be durable before the log.
func checkLogFile(dir string, file uint32, start logPosition, last bool) error {
	path := logPath(dir, file)
	name := filepath.Base(path)
	data, size, err := readWritten(path)
	if err != nil {
		return err
	}
	from := int(start.offset)
	if from > size {
		if last {
			return nil // the content before start is in tables, and nothing after it was synced
		}
		return corrupt(name, "is cut off")
	}
	data = data[min(from, len(data)):]
	whole := wholeTransactions(data)
	end := from + whole
	if !last {
		if end < size {
			return corrupt(name, "has a bad record at or after byte %d", end)
		}
		return nil
	}
	// The file got its full size when it was created, so it cannot be
	// shorter now than it was when a part of it was synced.
	if c, ok := lastCommit(data[:whole]); ok && c.synced.file == file && size < int(c.fileSize) {
		return corrupt(name, "is cut off")
	}
	torn := data[whole:]
	if !slices.ContainsFunc(torn, func(b byte) bool { return b != 0 }) {
		return syncFile(path)
	}
	if c, ok := lastCommit(torn); ok && (c.synced.file > file || c.synced.file == file && int(c.synced.offset) > end) {
		return corrupt(name, "has a bad record at or after byte %d, although it was synced up to byte %d", end, c.synced.offset)
	}
	slog.Info("cutting off the torn end of the log", "component", "badger", "file", path, "offset", end)
	return zero(path, end, size)
}

// readWritten returns the content of a file of the log up to the last byte that was written,
// as far as the system can tell, and the size of the file. The rest is zeros: a file has its
// full size when it is created.
func readWritten(path string) (data []byte, size int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	data = make([]byte, endOfData(f, info.Size()))
	_, err = io.ReadFull(io.NewSectionReader(f, 0, int64(len(data))), data)
	return data, int(info.Size()), err
}

// A record is one record of the log. Its slices share the memory of the log's
// data.
type record struct {
	meta       byte
	key, value []byte // key includes the timestamp
	size       int
}

// parseRecord returns the record at the beginning of data, if there is one.
func parseRecord(data []byte) (record, bool) {
	if len(data) < recordHeader || data[0] == 0 {
		return record{}, false
	}
	keyLen, valueLen := uint64(binary.BigEndian.Uint32(data[1:])), uint64(binary.BigEndian.Uint32(data[5:]))
	userMeta := uint64(data[9])
	size := recordHeader + userMeta + keyLen + valueLen + recordSum
	if size > uint64(len(data)) || keyLen < 8 {
		return record{}, false
	}
	body, sum := data[:size-recordSum], data[size-recordSum:]
	if crc32.Checksum(body, y.CastagnoliCrcTable) != binary.BigEndian.Uint32(sum) {
		return record{}, false
	}
	key := body[recordHeader+userMeta:]
	return record{
		meta:  ^data[0],
		key:   key[:keyLen],
		value: key[keyLen:],
		size:  int(size),
	}, true
}

// wholeTransactions returns the length of the whole transactions at the
// beginning of data.
func wholeTransactions(data []byte) int {
	whole, at := 0, 0
	var txn uint64 // timestamp of the present transaction, or 0 outside of one
	for {
		r, ok := parseRecord(data[at:])
		if !ok {
			return whole
		}
		at += r.size
		switch ts := y.ParseTs(r.key); {
		case r.meta&finBit != 0:
			if txn == 0 || string(r.value) != strconv.FormatUint(txn, 10) {
				return whole
			}
			txn, whole = 0, at
		case r.meta&txnBit != 0:
			if txn != 0 && txn != ts {
				return whole
			}
			txn = ts
		default:
			return whole // the engine writes no record outside of a transaction
		}
	}
}

// lastCommit returns the engine's last commit record in data, which need not
// begin with a record.
func lastCommit(data []byte) (commitRecord, bool) {
	for {
		i := bytes.LastIndex(data, keyCommit)
		if i < recordHeader {
			return commitRecord{}, false
		}
		if r, ok := parseRecord(data[i-recordHeader:]); ok && bytes.Equal(y.ParseKey(r.key), keyCommit) {
			return decodeCommit(r.value)
		}
		data = data[:i]
	}
}

// syncFile makes everything durable that was ever written to a file.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = fdatasync(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// zero overwrites the bytes from start to end, the end of the file, with zeros,
// and syncs the file.
func zero(path string, start, end int) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(int64(start))
	if err == nil {
		err = f.Truncate(int64(end))
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
