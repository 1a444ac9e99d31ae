package transaction

import (
	"bytes"
	"encoding/binary"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

// MaxKeySize is the largest key of a user, in bytes. What is stored under it is longer
// by an eighth and some bytes, and fits into a key of the engine.
const MaxKeySize = 28 << 10

const (
	group  = 8    // bytes of a key that are encoded together
	marker = 0xFF // after a group that is full, with others to follow
	tsSize = 8
)

// EncodeKey returns key in a form that keeps the order of keys although a timestamp
// follows: as groups of 8 bytes, each with a marker after it. The last group is filled
// up with zeros, and its marker is less than 0xFF by as much as was filled up.
//
//	"a"         61 00 00 00 00 00 00 00 F8
//	"abcdefgh"  61 62 63 64 65 66 67 68 FF 00 00 00 00 00 00 00 00 F7
//
// No encoded key is a prefix of another one. With plain keys, the versions of "a" would
// lie among the versions of longer keys that begin with it.
func EncodeKey(key []byte) []byte {
	encoded := make([]byte, 0, (len(key)/group+1)*(group+1)+tsSize)
	for {
		n := min(len(key), group)
		encoded = append(encoded, key[:n]...)
		if key = key[n:]; n < group {
			encoded = append(encoded, make([]byte, group-n)...)
			return append(encoded, byte(marker-(group-n)))
		}
		encoded = append(encoded, marker)
	}
}

// DecodeKey returns the key at the beginning of encoded, and what follows it.
func DecodeKey(encoded []byte) (key, rest []byte, err error) {
	for rest = encoded; len(rest) > group; {
		padding := marker - int(rest[group])
		if padding > group || !allZero(rest[group-min(padding, group):group]) {
			break
		}
		key = append(key, rest[:group-padding]...)
		rest = rest[group+1:]
		if padding > 0 {
			return key, rest, nil
		}
	}
	return nil, nil, errors.Errorf("%q is not the key of a transaction", encoded)
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// VersionKey returns where a version of key is stored. It comes before the older
// versions of key.
func VersionKey(key []byte, ts uint64) []byte {
	return binary.BigEndian.AppendUint64(EncodeKey(key), ^ts)
}

// DecodeVersion is the inverse of VersionKey.
func DecodeVersion(encoded []byte) (key []byte, ts uint64, err error) {
	key, rest, err := DecodeKey(encoded)
	if err == nil && len(rest) != tsSize {
		err = errors.Errorf("%q is not the key of a version", encoded)
	}
	if err != nil {
		return nil, 0, err
	}
	return key, ^binary.BigEndian.Uint64(rest), nil
}

// SplitKey returns where a region may be split, instead of at a key of the engine: not
// after that, and not between what belongs to one key of a user. A region that ended
// among the versions of a key would show some of them, and not the others. Any other key
// of the engine does as it is, whether it is an encoded key or not.
func SplitKey(at []byte) []byte {
	if _, rest, err := DecodeKey(at); err == nil {
		return at[:len(at)-len(rest)]
	}
	return at
}

// FirstKey returns the first key of a user whose place is at or after a key of the engine.
// What belongs to smaller keys lies before, unless at is between the versions of a key.
// So a reader that has read all that lies before at goes on with FirstKey(at), wherever
// regions were split.
func FirstKey(at []byte) []byte {
	var key []byte
	for len(at) > group && at[group] == marker {
		key, at = append(key, at[:group]...), at[group+1:]
	}
	last := make([]byte, group)
	copy(last, at)
	padding := group - len(bytes.TrimRight(last, "\x00"))
	if len(at) > group {
		padding = min(padding, marker-int(at[group]))
	}
	key = append(key, last[:group-padding]...)
	among := len(at) > group+1 && int(at[group]) == marker-padding
	if among || len(key) == 0 { // no key is empty
		key = append(key, 0)
	}
	return key
}

// versions is the range of all versions of key that are not newer than ts.
func versions(key []byte, ts uint64) engine.Range {
	return engine.Range{Start: VersionKey(key, ts), End: afterVersions(key)}
}

// afterVersions is the first key of the engine after all versions of key: none has the
// timestamp 0. It is in the region of key, as a region does not end among what belongs to
// a key: an iterator can begin there.
func afterVersions(key []byte) []byte { return VersionKey(key, 0) }
