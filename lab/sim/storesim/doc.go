// Package storesim puts stores of package raftstore into a simulated world: the
// same code that a program runs, with the world's disks, network, clock and
// randomness.
//
// Each machine has two disks, one for the logs and one for the data, and keeps
// snapshots as files. Clients talk to the handlers of package server. All keys are
// in region 1, which has a peer on every store, with the id of the store.
//
// # What is watched
//
// After every event, of every store that had something to do: the rules of
// check.Groups; that replicas hold the same data whenever they have applied up to
// the same index; that each command is answered once, truly, and within AnswerBound
// once all faults are over; that the log is the one on the disk, never begins
// earlier than it did, and is as short as Options want; that the executor is not
// given more and more tasks; that a store leaves nothing open in its engines that it
// no longer needs; and that it gives up only if its disk gave it a reason.
//
// When a store sends a message: that a power cut at this moment would leave what the
// message promises, its term, its vote, its log. When a log was compacted: that a power
// cut would leave the effects of what is gone.
//
// To tell whether an answer is true, clients must not write a value twice to a key. They
// may send a write again that was refused, as package client does, and no other.
//
// # What is settled
//
// A region is settled when one peer leads, no command waits for an answer, and all
// replicas have applied the same entries, hold the same data, and have compacted their
// logs if Options say that they do. Then no store may have an iterator or a snapshot of
// an engine open, a task with the executor, or more than one snapshot file for a region.
package storesim
