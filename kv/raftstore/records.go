package raftstore

import (
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
)

// load reads the message under key into m. If there is none, m does not change.
func load(g Getter, cf engine.CF, key []byte, m proto.Message) error {
	value, found, err := g.Get(cf, key)
	if err != nil || !found {
		return err
	}
	return errors.Annotatef(proto.Unmarshal(value, m), "record %x is corrupt", key)
}

// put adds to b the operation that writes m under key.
func put(b *engine.Batch, cf engine.CF, key []byte, m proto.Message) {
	value, err := proto.Marshal(m)
	if err != nil {
		panic(errors.Annotatef(err, "record %x cannot be encoded", key))
	}
	b.Put(cf, key, value)
}
