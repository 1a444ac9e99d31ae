package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/labkv/labkv/lab/cluster"
)

// etcd is a cluster of three members of the etcd that is installed. The
// benchmark needs a few calls of its API, with a few fields each, and encodes
// them itself.
type etcd struct {
	members []*exec.Cmd
	addrs   []string
	leader  string
}

func (e *etcd) name() string { return "etcd" }

func (e *etcd) start(ctx context.Context, dir string) error {
	addrs, err := cluster.FreeAddrs(2 * members)
	if err != nil {
		return err
	}
	e.addrs = addrs[:members]
	peers := addrs[members:]
	var initial []string
	for i, addr := range peers {
		initial = append(initial, fmt.Sprintf("m%d=http://%s", i, addr))
	}
	for i := range members {
		log, err := os.Create(filepath.Join(dir, fmt.Sprintf("m%d.log", i)))
		if err != nil {
			return errors.Trace(err)
		}
		defer log.Close() // the process has it, too
		m := exec.Command("etcd",
			"--name", fmt.Sprintf("m%d", i),
			"--data-dir", filepath.Join(dir, fmt.Sprintf("m%d", i)),
			"--listen-client-urls", "http://"+e.addrs[i],
			"--advertise-client-urls", "http://"+e.addrs[i],
			"--listen-peer-urls", "http://"+peers[i],
			"--initial-advertise-peer-urls", "http://"+peers[i],
			"--initial-cluster", strings.Join(initial, ","),
			"--initial-cluster-state", "new",
			"--log-level", "warn",
		)
		m.Stdout, m.Stderr = log, log
		if err := m.Start(); err != nil {
			return errors.Annotate(err, "cannot start etcd")
		}
		e.members = append(e.members, m)
	}
	return e.findLeader(ctx)
}

// findLeader asks all members for their status. Of StatusResponse it needs header = 1,
// of which member_id = 2, and leader = 4.
func (e *etcd) findLeader(ctx context.Context) (err error) {
	e.leader, err = find(ctx, e.addrs, func(ctx context.Context, conn *grpc.ClientConn) bool {
		resp, err := call(ctx, conn, "/etcdserverpb.Maintenance/Status", nil)
		leader := number(resp, 4)
		return err == nil && leader != 0 && leader == number(bytesOf(resp, 1), 2)
	})
	return err
}

func (e *etcd) processes() (ids []int) {
	for _, m := range e.members {
		ids = append(ids, m.Process.Pid)
	}
	return ids
}

func (e *etcd) stop() {
	for _, m := range e.members {
		_ = m.Process.Signal(syscall.SIGTERM) // an error means that it has ended
	}
	for _, m := range e.members {
		_ = m.Wait()
	}
}

func (e *etcd) connect() (connection, error) {
	conn, err := dial(e.leader)
	if err != nil {
		return nil, err
	}
	return etcdConnection{conn}, nil
}

type etcdConnection struct{ conn *grpc.ClientConn }

func (c etcdConnection) close() { c.conn.Close() }

// put sends a PutRequest: key = 1, value = 2.
func (c etcdConnection) put(ctx context.Context, key, value []byte) error {
	_, err := call(ctx, c.conn, "/etcdserverpb.KV/Put", appendBytes(appendBytes(nil, 1, key), 2, value))
	return err
}

// get sends a RangeRequest: key = 1. It is linearizable unless told otherwise. Of
// the RangeResponse, kvs = 2 has the pairs, and of a pair value = 5.
func (c etcdConnection) get(ctx context.Context, key []byte) (int, error) {
	resp, err := call(ctx, c.conn, "/etcdserverpb.KV/Range", appendBytes(nil, 1, key))
	return len(bytesOf(bytesOf(resp, 2), 5)), err
}

// read sends a TxnRequest whose success = 2 are RequestOps, each with a RangeRequest = 1.
func (c etcdConnection) read(ctx context.Context, keys [][]byte) error {
	_, err := c.readAll(ctx, keys)
	return err
}

// readAll returns the revisions of the last changes of keys, 0 for those that are absent.
// Of the TxnResponse, responses = 3 has a ResponseOp for each, with a RangeResponse = 1; of
// a pair, mod_revision = 3.
func (c etcdConnection) readAll(ctx context.Context, keys [][]byte) (revisions []uint64, err error) {
	var request []byte
	for _, key := range keys {
		request = appendBytes(request, 2, appendBytes(nil, 1, appendBytes(nil, 1, key)))
	}
	resp, err := call(ctx, c.conn, "/etcdserverpb.KV/Txn", request)
	if err != nil {
		return nil, err
	}
	for _, one := range allBytesOf(resp, 3) {
		revisions = append(revisions, number(bytesOf(bytesOf(one, 1), 2), 3))
	}
	if len(revisions) != len(keys) {
		return nil, errors.Errorf("%d answers to a transaction that reads %d keys", len(revisions), len(keys))
	}
	return revisions, nil
}

// update sends a TxnRequest whose compare = 1 has a Compare for each key: result = 1 (0 is
// EQUAL), target = 2 (2 is MOD), key = 3, mod_revision = 6. In success = 2, request_put = 2.
// Of the TxnResponse, succeeded = 2.
func (c etcdConnection) update(ctx context.Context, keys [][]byte, value []byte) error {
	for {
		revisions, err := c.readAll(ctx, keys)
		if err != nil {
			return err
		}
		var request []byte
		for i, key := range keys {
			compare := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 2)
			compare = appendBytes(compare, 3, key)
			compare = protowire.AppendVarint(protowire.AppendTag(compare, 6, protowire.VarintType), revisions[i])
			request = appendBytes(request, 1, compare)
			request = appendBytes(request, 2, appendBytes(nil, 2, appendBytes(appendBytes(nil, 1, key), 2, value)))
		}
		resp, err := call(ctx, c.conn, "/etcdserverpb.KV/Txn", request)
		if err != nil || number(resp, 2) == 1 {
			return err
		}
	}
}

func appendBytes(b []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), value)
}

// fieldOf returns the type of a field of an encoded message and what follows its
// tag, or nil.
func fieldOf(b []byte, field protowire.Number) (protowire.Type, []byte) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0, nil
		}
		b = b[n:]
		if number == field {
			return kind, b
		}
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return 0, nil
		}
		b = b[n:]
	}
	return 0, nil
}

func number(b []byte, field protowire.Number) uint64 {
	if kind, rest := fieldOf(b, field); kind == protowire.VarintType {
		v, _ := protowire.ConsumeVarint(rest)
		return v
	}
	return 0
}

func bytesOf(b []byte, field protowire.Number) []byte {
	if kind, rest := fieldOf(b, field); kind == protowire.BytesType {
		v, _ := protowire.ConsumeBytes(rest)
		return v
	}
	return nil
}

// allBytesOf returns all elements of a repeated field.
func allBytesOf(b []byte, field protowire.Number) (all [][]byte) {
	for {
		kind, rest := fieldOf(b, field)
		if kind != protowire.BytesType {
			return all
		}
		v, n := protowire.ConsumeBytes(rest)
		if n < 0 {
			return all
		}
		all = append(all, v)
		b = rest[n:]
	}
}

// call sends an encoded request and returns the encoded response.
func call(ctx context.Context, conn *grpc.ClientConn, method string, request []byte) ([]byte, error) {
	var response []byte
	err := conn.Invoke(ctx, method, &request, &response, grpc.ForceCodec(encoded{}))
	return response, errors.Trace(err)
}

// encoded is a codec of messages that are encoded already, as *[]byte.
type encoded struct{}

func (encoded) Name() string                  { return "proto" }
func (encoded) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (encoded) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
