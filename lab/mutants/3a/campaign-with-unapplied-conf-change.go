//go:build mutant

// A node campaigns although a membership change is committed and it has not
// applied it yet. It counts the votes of the group as it was before: that majority
// and one of the group after the change need not share a member, so that both can
// elect a leader in one term (thesis §4.1).
//
//lab:mutant 3A raft
package raft

func (r *Raft) hasPendingConfChange() bool {
	return false
}
