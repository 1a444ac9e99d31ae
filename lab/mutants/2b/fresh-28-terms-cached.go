//go:build mutant

// Terms of entries are cached by index, and a replaced entry stays in the
// cache.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/raft"
	"github.com/pingcap/errors"
	"sync"
)

func (s *peerStorage) Term(i uint64) (uint64, error) {
	switch {
	case i < s.state.TruncatedIndex:
		return 0, raft.ErrCompacted
	case i == s.state.TruncatedIndex:
		return s.state.TruncatedTerm, nil
	case i > s.state.LastIndex:
		return 0, raft.ErrUnavailable
	}
	if t, ok := cachedTerms.Load(cachedTerm{s, i}); ok {
		return t.(uint64), nil
	}
	e, err := LoadEntry(s.engine, s.regionID, i)
	if err == nil && e == nil {
		err = errors.Errorf("region %d: entry %d is missing from the log", s.regionID, i)
	}
	if err == nil {
		cachedTerms.Store(cachedTerm{s, i}, e.Term)
	}
	return e.GetTerm(), err
}

type cachedTerm struct {
	s     *peerStorage
	index uint64
}

var cachedTerms sync.Map // of cachedTerm to uint64
