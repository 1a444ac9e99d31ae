// Package kvload has clients of a key-value store for the simulator: what they do, and
// what they note in the history of the run.
//
// They are users of package client, which finds the leader and sends requests again:
// so that package is under test, too.
//
// The clients of a run share few keys, so that they get into each other's way. None
// puts a value twice to a key, so that a value tells which put it comes from.
package kvload

import (
	"fmt"
	"time"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/sim"
)

// keys is how many keys the clients of a run share. Few keys make for many
// conflicts.
const keys = 12

func keyName(n int) string { return fmt.Sprintf("k%02d", n) }

// PutsAndScans is a client that puts, reads, deletes and scans keys that all
// clients share, one operation after the other.
func PutsAndScans(s *sim.Session) {
	kv := newKV(s, s.Stores...)
	for s.Working() {
		switch n := s.Draw.IntN(100); {
		case n < 50:
			kv.do(kv.put(keyName(s.Draw.IntN(keys))))
		case n < 75:
			kv.do(kv.get(keyName(s.Draw.IntN(keys))))
		case n < 90:
			kv.scan(keyName(s.Draw.IntN(keys)), s.Draw.Between(1, keys))
		default:
			kv.do(kv.delete(keyName(s.Draw.IntN(keys))))
		}
		rest(s, 30*time.Millisecond)
	}
	// It has recovered only if it takes writes again.
	kv.do(kv.put(keyName(s.Draw.IntN(keys))))
}

// Contends is a client that puts and reads two keys that all clients share, with
// hardly a pause. With several of them an operation of another one is always in
// between.
func Contends(s *sim.Session) {
	kv := newKV(s, s.Stores...)
	for s.Working() {
		switch n := s.Draw.IntN(10); {
		case n < 5:
			kv.do(kv.put(keyName(s.Draw.IntN(2))))
		case n < 9:
			kv.do(kv.get(keyName(s.Draw.IntN(2))))
		default:
			kv.do(kv.delete(keyName(s.Draw.IntN(2))))
		}
		rest(s, 5*time.Millisecond)
	}
	kv.do(kv.put(keyName(s.Draw.IntN(2))))
}

// Gets is a client that only reads. It stays with a store as long as that
// answers, also with one that other clients have left.
func Gets(s *sim.Session) {
	kv := newKV(s, s.Stores...)
	for s.Working() {
		kv.do(kv.get(keyName(s.Draw.IntN(keys))))
		rest(s, 30*time.Millisecond)
	}
}

// GetsAtOneStore is a client that only reads, and only at one store, whether that
// leads or not. It is there when a store that was out of touch comes back.
func GetsAtOneStore(s *sim.Session) {
	kv := newKV(s, dice.Pick(s.Draw, s.Stores...))
	for s.Working() {
		kv.try(kv.get(keyName(s.Draw.IntN(keys)))) // the store need not ever lead
		rest(s, 30*time.Millisecond)
	}
}

// ReadEverything reads every key, one by one and then at once. As the last client
// of a run it shows whether everything that was acknowledged is there.
func ReadEverything(s *sim.Session) {
	kv := newKV(s, s.Stores...)
	for n := range keys {
		kv.do(kv.get(keyName(n)))
	}
	kv.scan("", keys+1)
}

// rest sleeps for a while that the seed chooses.
func rest(s *sim.Session, most time.Duration) {
	s.Sleep(dice.Scaled(s.Draw.Bits(), time.Millisecond, most))
}
