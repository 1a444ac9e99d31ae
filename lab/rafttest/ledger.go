package rafttest

import (
	"encoding/binary"

	"github.com/labkv/labkv/lab/dice"
	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A link stands for an entry and, through its chain, for everything before it:
// two logs whose links at some index have the same chain are identical up to
// there.
type link struct {
	term  uint64
	chain uint64
}

// A ledger is what the suite knows about a log: a link for each entry, and one
// for the last entry that is gone. A copy of a ledger stays as it was.
type ledger struct {
	// before is the index of base. links[i] is that of index before + 1 + i.
	before uint64
	base   link
	links  []link
}

func (l *ledger) last() uint64 { return l.before + uint64(len(l.links)) }

// at returns the link of index, or false if the ledger does not reach it, or
// starts after it.
func (l *ledger) at(index uint64) (link, bool) {
	switch {
	case index == l.before:
		return l.base, true
	case index < l.before || index > l.last():
		return link{}, false
	}
	return l.links[index-l.before-1], true
}

// term returns the term of index, or 0 if the ledger does not have it.
func (l *ledger) term(index uint64) uint64 {
	at, _ := l.at(index)
	return at.term
}

// chain returns the chain of index, or 0 if the ledger does not have it.
func (l *ledger) chain(index uint64) uint64 {
	at, _ := l.at(index)
	return at.chain
}

// cut drops everything from index on.
func (l *ledger) cut(index uint64) {
	n := index - l.before - 1
	// Without spare capacity, appending copies: other ledgers keep theirs.
	l.links = l.links[:n:n]
}

func (l *ledger) append(e *pb.Entry) link {
	prev := l.base
	if n := len(l.links); n > 0 {
		prev = l.links[n-1]
	}
	next := link{e.Term, chainOf(prev.chain, e)}
	l.links = append(l.links, next)
	return next
}

// discard drops everything up to index.
func (l *ledger) discard(index uint64) {
	if index <= l.before {
		return
	}
	l.base, _ = l.at(index)
	l.links = l.links[index-l.before:]
	l.before = index
}

// chainOf returns the chain of the entry e whose predecessor has chain prev.
func chainOf(prev uint64, e *pb.Entry) uint64 {
	h := dice.Mix(prev ^ e.Term*0x9e3779b97f4a7c15 ^ e.Index<<32 ^ uint64(e.EntryType))
	return hash(h, e.Data)
}

// hash adds data to h.
func hash(h uint64, data []byte) uint64 {
	n := uint64(len(data))
	for ; len(data) >= 8; data = data[8:] {
		h = dice.Mix(h ^ binary.LittleEndian.Uint64(data))
	}
	rest := n << 56
	for i, c := range data {
		rest ^= uint64(c) << (8 * i)
	}
	return dice.Mix(h ^ rest)
}
