package transaction_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

// told is what an error of a key says, in words. Texts, which are for people, are left
// out.
func told(e *kvrpcpb.KeyError) string {
	var says []string
	if l := e.GetLocked(); l != nil {
		says = append(says, "locked by "+ms(l.LockVersion))
	}
	if c := e.GetConflict(); c != nil {
		says = append(says, "conflict at "+ms(c.ConflictTs))
	}
	if e.GetAbort() != "" {
		says = append(says, "abort")
	}
	if e.GetRetryable() != "" {
		says = append(says, "retryable")
	}
	if len(says) == 0 {
		return fmt.Sprintf("an error that says nothing: {%v}", e)
	}
	return strings.Join(says, " and ")
}

// allTold are the errors of a prewrite, in words, sorted.
func allTold(errors []*kvrpcpb.KeyError) []string {
	all := []string{}
	for _, e := range errors {
		all = append(all, told(e))
	}
	slices.Sort(all)
	return all
}

// prewrite is the request of a transaction that started at ms, has the primary key p, and
// lives for 7 ms.
func prewrite(ms int, mutations ...*kvrpcpb.Mutation) *kvrpcpb.PrewriteRequest {
	return &kvrpcpb.PrewriteRequest{Mutations: mutations, PrimaryLock: []byte("p"), StartVersion: at(ms), LockTtl: 7}
}

func put(key, value string) *kvrpcpb.Mutation {
	return &kvrpcpb.Mutation{Op: kvrpcpb.Op_Put, Key: []byte(key), Value: []byte(value)}
}

func del(key string) *kvrpcpb.Mutation {
	return &kvrpcpb.Mutation{Op: kvrpcpb.Op_Del, Key: []byte(key)}
}

func onlyLock(key string) *kvrpcpb.Mutation {
	return &kvrpcpb.Mutation{Op: kvrpcpb.Op_Lock, Key: []byte(key)}
}

// commit is the request of a transaction that started at start and commits keys at commit.
func commit(start, commit int, keys ...string) *kvrpcpb.CommitRequest {
	req := &kvrpcpb.CommitRequest{StartVersion: at(start), CommitVersion: at(commit)}
	for _, key := range keys {
		req.Keys = append(req.Keys, []byte(key))
	}
	return req
}
