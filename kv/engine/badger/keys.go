//go:build cgo

package badger

import (
	"encoding/binary"

	"github.com/labkv/labkv/kv/engine"
)

// The engine's own keys. They sort before the keys of all families.
var (
	// keyCommit is written by every transaction but an intent's. Its value
	// is a commitRecord.
	keyCommit = []byte("\x00commit")
	// keyIntent holds the intent, if there is one: see appendIntent.
	keyIntent = []byte("\x00intent")
)

// familyPrefix returns the prefix of the keys of cf.
func familyPrefix(cf engine.CF) []byte { return append([]byte(cf), 0) }

// afterFamily returns the smallest key after all that begin with the prefix of
// cf.
func afterFamily(cf engine.CF) []byte { return append([]byte(cf), 1) }

// A commitRecord numbers a commit, and says what was known about the log when
// the commit was written.
type commitRecord struct {
	// seq counts the commits since the directory was created, from 1.
	seq uint64
	// synced is a position up to which the log was synced before the
	// commit.
	synced logPosition
	// fileSize is the size, at that time, of the file of the log that
	// synced names, in bytes. As long as that file is the newest it does
	// not get smaller: it got its full size when it was created, whatever
	// the settings were.
	fileSize uint32
}

func (c commitRecord) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, c.seq)
	b = binary.BigEndian.AppendUint32(b, c.synced.file)
	b = binary.BigEndian.AppendUint32(b, c.synced.offset)
	return binary.BigEndian.AppendUint32(b, c.fileSize)
}

func decodeCommit(b []byte) (commitRecord, bool) {
	if len(b) != 20 {
		return commitRecord{}, false
	}
	return commitRecord{
		seq: binary.BigEndian.Uint64(b),
		synced: logPosition{
			file:   binary.BigEndian.Uint32(b[8:]),
			offset: binary.BigEndian.Uint32(b[12:]),
		},
		fileSize: binary.BigEndian.Uint32(b[16:]),
	}, true
}
