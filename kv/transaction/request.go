package transaction

import (
	"fmt"
	"time"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A RequestError is returned for a request that makes no sense, whatever is stored. It
// had no effect.
type RequestError struct {
	Reason string
}

func (e *RequestError) Error() string { return e.Reason }

func malformed(format string, args ...any) error {
	return &RequestError{fmt.Sprintf(format, args...)}
}

// checkKey returns a *RequestError unless key can be the key of a transaction.
func checkKey(key []byte) error {
	switch {
	case len(key) == 0:
		return malformed("key is empty")
	case len(key) > MaxKeySize:
		return malformed("key is too large: %d bytes, limit %d", len(key), MaxKeySize)
	}
	return nil
}

// checkRead returns a *RequestError unless key can be read at a timestamp.
func checkRead(key []byte, ts uint64) error {
	if ts == 0 {
		return malformed("version is 0: it is the timestamp to read at")
	}
	return checkKey(key)
}

// checkScan returns a *RequestError unless a scan can begin at start and read at a
// timestamp. An empty start is the beginning of the region. One that is larger than
// MaxKeySize is refused as any other key: what follows a key of that size is not that key
// and a zero, but the next key that is not larger, and a client goes on there.
func checkScan(start []byte, ts uint64) error {
	if len(start) == 0 {
		start = []byte{0} // the first key that there can be
	}
	return checkRead(start, ts)
}

// checkKeys returns a *RequestError unless there are keys, and each can be the key of a
// transaction.
func checkKeys(keys [][]byte) error {
	if len(keys) == 0 {
		return malformed("the request has no keys")
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	return nil
}

// checkStart returns a *RequestError unless ts can be the timestamp of a transaction's
// start. The greatest number is none: readers use it to see the newest versions.
func checkStart(ts uint64) error {
	if ts == 0 || ts == maxTS {
		return malformed("%d is not the start timestamp of a transaction", ts)
	}
	return checkPast(ts)
}

// checkPast returns a *RequestError for a timestamp that is more than a day ahead of this
// machine's clock. No oracle has handed it out. A lock of that time would not expire, and
// a version would stand against all writers, for as long as it is ahead.
func checkPast(ts uint64) error {
	if latest := time.Now().Add(24 * time.Hour); Physical(ts) > latest.UnixMilli() {
		return malformed("timestamp %d is from the future: it stands for %s", ts, time.UnixMilli(Physical(ts)).UTC().Format(time.DateTime))
	}
	return nil
}

// checkCommit returns a *RequestError unless a transaction can have these timestamps.
func checkCommit(startTS, commitTS uint64) error {
	if err := checkStart(startTS); err != nil {
		return err
	}
	if commitTS <= startTS || commitTS == maxTS {
		return malformed("commit timestamp %d is not above start timestamp %d, or is none", commitTS, startTS)
	}
	return checkPast(commitTS)
}

const maxTS = ^uint64(0)

// checkPrewrite returns a *RequestError unless a store can carry out req in some state.
func checkPrewrite(req *kvrpcpb.PrewriteRequest) error {
	if len(req.GetMutations()) == 0 {
		return malformed("the prewrite has no mutations")
	}
	if err := checkStart(req.StartVersion); err != nil {
		return err
	}
	if err := checkKey(req.PrimaryLock); err != nil {
		return malformed("primary lock: %v", err)
	}
	seen := make(map[string]bool, len(req.Mutations))
	for _, m := range req.Mutations {
		if err := checkKey(m.GetKey()); err != nil {
			return err
		}
		switch m.Op {
		case kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock:
		default:
			return malformed("a transaction cannot do %v to key %q", m.Op, m.Key)
		}
		if len(m.Value) > engine.MaxValueSize {
			return malformed("the value of key %q is too large: %d bytes, limit %d", m.Key, len(m.Value), engine.MaxValueSize)
		}
		if seen[string(m.Key)] {
			return malformed("key %q is in the prewrite twice", m.Key)
		}
		seen[string(m.Key)] = true
	}
	return nil
}
