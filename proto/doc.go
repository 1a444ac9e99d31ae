// Package proto is the home of LabKV's protocol: each folder holds a .proto
// file and, beside it, the Go generated from it.
//
// What clients see (metapb, errorpb, kvrpcpb, coprocessor, tinykvpb,
// schedulerpb) and the Raft messages (eraftpb) have the names and numbers of
// TinyKV's protocol, so that clients written for it work unchanged. They are
// listed in testdata/wire.txt, which a test compares with the code: additions
// take unused numbers, and nothing that is there changes. What stores say to
// each other (raftserverpb) is LabKV's own.
package proto

//go:generate go tool -modfile=../tools/go.mod buf generate
