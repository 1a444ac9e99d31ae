// Package storesim puts stores of package raftstore into a simulated world: the
// same code that a program runs, with the world's disks, network, clock and
// randomness.
//
// Each machine has two disks, one for the logs and one for the data, and keeps
// snapshots as files. Clients talk to the handlers of package server. The cluster begins
// with the regions that Options say; if they do not, with region 1, which has all keys
// and a peer on every store, with the id of the store.
//
// Regions may split, change their members, and move. An operator asks for that (the
// faults of package sim that a system carries out), and a scheduler, if there is a machine
// of that role: the one of package scheduler, or with Options.Registry a registry of the
// harness, which knows what it hears, and hands out ids and the operator's orders. It is
// for runs that are about stores alone. Stores talk to the scheduler by packets, so that what they say is lost,
// late and doubled like everything else; clients do it by calls. A second machine of the
// role gives orders in place of the first from time to time, of which it knows only what
// was true a while ago. A machine that was erased comes back as another store.
//
// Which regions and peers a store has is read from the records in its data, and changes
// at once with the data. Everything is watched by region and peer: a store that joins a
// region again has another peer, with an empty log.
//
// # What is watched
//
// After every event, of every store that had something to do: the rules of
// check.Groups; that replicas hold the same data whenever they have applied up to
// the same index; that each command is answered once, truly, and within AnswerBound
// once all faults are over; that the log is the one on the disk, never begins
// earlier than it did, and is as short as Options want; that the executor is not
// given more and more tasks; that a store leaves nothing open in its engines that it
// no longer needs; and that it gives up only if its disk gave it a reason. The data of a
// region are those of the keys that it has at that index.
//
// Whenever a store writes the record of a region: the rules of check.Ranges (no two
// regions of a store have a key in common, epochs grow, a region's id and epoch mean the
// same everywhere) and of check.Members (no peer comes back, and none that was removed
// has a say). A region in an answer must be true, and stay as it was given.
//
// When a store sends a message: that a power cut at this moment would leave what the
// message promises, its term, its vote, its log. When a log was compacted: that a power
// cut would leave the effects of what is gone.
//
// To tell whether an answer is true, clients must not write a value twice to a key. They
// may send a write again that was refused, as package client does, and no other. With
// Options.Transactions they may send any write again: the commands of transactions are made
// for that, and what clients see of transactions is checked from their history.
//
// # What is settled
//
// A region is settled when each member of its latest version is there and nobody else is,
// one peer leads, no command waits for an answer, and all replicas have applied the same
// entries, hold the same data, and have compacted their logs if Options say that they do.
// The regions must cover every key, each once, and no store may hold a key that is in none
// of its regions, or entries of the log of another one. With Options.Replicas each region
// has that many; a store that was taken out of service is empty, and a tombstone; and with
// Options.Balanced no peer and no leadership is left that a scheduler should move. Then no
// store may have an iterator or a snapshot of an engine open, a task with the executor, or
// more than one snapshot file for a region.
package storesim
