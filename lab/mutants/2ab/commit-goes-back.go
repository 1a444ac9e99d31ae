//go:build mutant

// The commit index is set to what the last message said, also if that is less
// than before. A message that was overtaken takes back what has been applied
// (Figure 2: commitIndex increases monotonically).
//
//lab:mutant 2AB raft
package raft

func (l *Log) commitTo(i uint64) bool {
	i = min(i, l.LastIndex())
	if i == l.committed {
		return false
	}
	l.committed = i
	return true
}
