package scheduler

import (
	"encoding/binary"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
)

// All keys start with a kind; numbers are big-endian, so that records of one
// kind are neighbours, in the order of their ids.
const (
	kindIdent    = 1 // metapb.Cluster: whose the engine is, before and after bootstrap
	kindCluster  = 2 // metapb.Cluster: the settings, once there is a first store
	kindCounters = 3 // schedulerpb.Counters
	kindStore    = 4 // metapb.Store, by id
	kindRegion   = 5 // metapb.Region, by id
)

func storeKey(id uint64) []byte  { return binary.BigEndian.AppendUint64([]byte{kindStore}, id) }
func regionKey(id uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kindRegion}, id) }

// put adds to b the operation that writes m under key.
func put(b *engine.Batch, key []byte, m proto.Message) {
	value, err := proto.Marshal(m)
	if err != nil {
		panic(errors.Annotatef(err, "record %x cannot be encoded", key))
	}
	b.Put(cfScheduler, key, value)
}

// decode reads the value of the record under key into m.
func decode(key, value []byte, m proto.Message) error {
	return errors.Annotatef(proto.Unmarshal(value, m), "record %x is corrupt", key)
}

// records calls f for all records of e, in the order of their keys, until it
// returns an error. f must not keep the slices.
func records(e engine.Reader, f func(key, value []byte) error) error {
	it, err := e.Iterate(cfScheduler, engine.Range{})
	if err != nil {
		return err
	}
	for it.Seek(nil); it.Valid(); it.Next() {
		if err := f(it.Key(), it.Value()); err != nil {
			it.Close()
			return err
		}
	}
	return it.Close()
}
