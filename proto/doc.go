// Package proto is the home of LabKV's protocol: each folder holds a .proto
// file and, beside it, the Go generated from it.
//
// What clients see (metapb, errorpb, kvrpcpb, coprocessor, tinykvpb,
// schedulerpb) and the Raft messages (eraftpb) have the names and numbers of
// TinyKV's protocol: a client written for it needs no other stubs. They are
// listed in testdata/wire.txt, which a test compares with the code: additions
// take unused numbers, and nothing that is there changes. What stores say to
// each other (raftserverpb), what people say to the scheduler (admin.proto) and
// what it keeps (state.proto) is LabKV's own.
//
// Of the service tinykvpb.TinyKv, stores serve the raw commands and the transactional
// ones. Without regions a store serves them as TinyKV's first project sends the raw
// ones, with an empty context or none. A store with regions demands a context with the region's id
// and epoch, as TinyKV's own client sends it; kvrpcpb.Context says what happens
// without. The coprocessor is defined and not implemented: calls end with status
// Unimplemented.
package proto

//go:generate go tool -modfile=../tools/go.mod buf generate
