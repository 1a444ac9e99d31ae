//go:build mutant

// When new entries replace a conflicting tail that is on disk already, the mark
// between saved and unsaved entries stays where it was. The new entries look as
// if they were saved, no Ready ever holds them, and after a crash the old tail
// is back although the follower has acknowledged the new one (§5.3).
//
//lab:mutant 2AC raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (l *Log) append(entries ...*pb.Entry) {
	stable := l.stable
	l.append_original(entries...)
	l.stable = min(stable, l.LastIndex())
}
