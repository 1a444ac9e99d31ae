package transport

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

const (
	// chunkSize is the size, in bytes, of the chunks in which a snapshot is
	// sent, and maxChunkSize the size of the largest chunk that is
	// accepted.
	chunkSize    = 256 << 10
	maxChunkSize = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sendSnapshot sends the snapshot of m on a stream of its own, and reports the
// result to the store, exactly once unless the transport stops.
func (t *Transport) sendSnapshot(m *raftserverpb.RaftMessage) {
	to := m.GetToPeer()
	select {
	case t.sending <- struct{}{}:
	default:
		t.drops.count(DropTooMany, "to", to.GetStoreId())
		t.store.ReportSnapshot(m.RegionId, to.GetId(), false)
		return
	}
	if !t.spawn(func() {
		defer func() { <-t.sending }()
		begin := time.Now()
		n, err := t.streamSnapshot(t.ctx, m)
		if err != nil {
			t.drops.count(DropSnapshotLost, "region", m.RegionId, "to", to.GetStoreId(), "error", err)
		} else {
			t.sent.Add(1)
			t.cfg.Logger.Info("sent a snapshot", "region", m.RegionId, "to", to.GetStoreId(),
				"index", m.Message.Snapshot.Metadata.Index, "bytes", n, "took", time.Since(begin))
		}
		t.store.ReportSnapshot(m.RegionId, to.GetId(), err == nil)
	}) {
		<-t.sending
	}
}

// streamSnapshot sends a snapshot and waits until it was received. It returns
// the number of bytes of the file that were sent.
func (t *Transport) streamSnapshot(ctx context.Context, m *raftserverpb.RaftMessage) (int64, error) {
	to := m.GetToPeer().GetStoreId()
	header, err := raftstore.ReadSnapshotHeader(m.Message.Snapshot)
	if err != nil {
		return 0, err
	}
	file, err := t.cfg.Files.Open(raftstore.SnapshotName(m.RegionId, m.Message.Snapshot.Metadata))
	if err != nil {
		return 0, errors.Annotate(err, "cannot open the snapshot")
	}
	defer file.Close()
	addr, err := t.address(ctx, to)
	if err != nil {
		return 0, err
	}
	conn, err := t.dial(addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	defer stalled.Stop()
	stream, err := tinykvpb.NewTinyKvClient(conn).Snapshot(t.introduce(ctx, to))
	if err != nil {
		return 0, cause(ctx, err)
	}
	if err := t.greet(stream, to); err != nil {
		return 0, cause(ctx, err)
	}
	sent := uint64(0)
	for first := true; first || sent < header.Size; first = false {
		// gRPC may read a chunk after Send has returned, so each has
		// its own memory.
		data := make([]byte, min(chunkSize, header.Size-sent))
		if _, err := io.ReadFull(file, data); err != nil {
			return int64(sent), errors.Annotate(err, "cannot read the snapshot")
		}
		chunk := &raftserverpb.SnapshotChunk{
			Offset:   sent,
			Data:     data,
			Checksum: crc32.Checksum(data, castagnoli),
		}
		sent += uint64(len(data))
		chunk.Last = sent == header.Size
		if first {
			chunk.Message = m
		}
		if err := stream.Send(chunk); err == io.EOF {
			break // the status says why the receiver has refused the rest
		} else if err != nil {
			return int64(sent), cause(ctx, err)
		}
		stalled.Reset(stallTimeout)
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		return int64(sent), cause(ctx, err)
	}
	return int64(sent), nil
}

var errStalled = errors.NewNoStackError("no chunk of the snapshot came through for too long")

// Snapshot serves the stream of a snapshot that another store sends.
func (t *Transport) Snapshot(stream tinykvpb.TinyKv_SnapshotServer) error {
	from, leave, err := t.admit(stream)
	if err != nil {
		return err
	}
	defer leave()
	select {
	case t.receiving <- struct{}{}:
		defer func() { <-t.receiving }()
	default:
		t.drops.count(DropTooMany, "from", from)
		return status.Error(codes.ResourceExhausted, "too many snapshots at a time")
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(status.Error(codes.DeadlineExceeded, errStalled.Error())) })
	defer stalled.Stop()
	return t.serve(ctx, func() error {
		err := t.receiveSnapshot(func() (*raftserverpb.SnapshotChunk, error) {
			chunk, err := stream.Recv()
			stalled.Reset(stallTimeout)
			return chunk, err
		}, from)
		if err != nil {
			return err
		}
		return stream.SendAndClose(&raftserverpb.Done{})
	})
}

// receiveSnapshot writes the chunks that next returns to a file, and hands
// their message to the store once the file is complete and durable. The error
// is a gRPC status that says what was wrong.
func (t *Transport) receiveSnapshot(next func() (*raftserverpb.SnapshotChunk, error), from uint64) error {
	r := receiver{t: t, from: from}
	defer r.discard()
	for {
		chunk, err := next()
		if err != nil {
			t.drops.count(DropCut, "from", from, "offset", r.sum.Size(), "error", err)
			return status.Errorf(codes.Aborted, "the snapshot was cut after %d bytes", r.sum.Size())
		}
		done, why, err := r.take(chunk)
		if err != nil {
			t.drops.count(why, "from", from, "error", err)
			code := codes.InvalidArgument
			switch why {
			case DropCorrupt:
				code = codes.DataLoss
			case DropDisk:
				code = codes.Internal
			}
			return status.Error(code, err.Error())
		}
		if done {
			t.received.Add(1)
			t.cfg.Logger.Info("received a snapshot", "region", r.message.RegionId, "from", from,
				"index", r.message.Message.Snapshot.Metadata.Index, "bytes", r.sum.Size())
			t.store.Step(r.message)
			return nil
		}
	}
}

// A receiver assembles the file of a snapshot, which has a temporary name until
// it is complete.
type receiver struct {
	t       *Transport
	from    uint64
	message *raftserverpb.RaftMessage // of the first chunk
	header  *raftserverpb.SnapshotHeader

	temporary string
	file      raftstore.File
	sum       raftstore.SnapshotSum // of what was received
}

// take adds a chunk, and reports whether it was the last: then the file is
// durable under its final name. If there is an error, why is the reason to
// count.
func (r *receiver) take(c *raftserverpb.SnapshotChunk) (done bool, why DropReason, err error) {
	if r.message == nil {
		if why, err := r.begin(c.Message); err != nil {
			return false, why, err
		}
	} else if c.Message != nil {
		return false, DropMalformed, errors.New("a second message in one snapshot")
	}
	switch n := uint64(len(c.Data)); {
	case c.Offset != r.sum.Size():
		return false, DropMalformed, errors.Errorf("a chunk for offset %d comes at %d", c.Offset, r.sum.Size())
	case n > maxChunkSize || n == 0 && !c.Last:
		return false, DropMalformed, errors.Errorf("a chunk of %d bytes", n)
	case r.sum.Size()+n > r.header.Size:
		return false, DropCorrupt, errors.Errorf("the snapshot is longer than its %d bytes", r.header.Size)
	}
	if crc32.Checksum(c.Data, castagnoli) != c.Checksum {
		return false, DropCorrupt, errors.Errorf("the checksum of the chunk at offset %d is wrong", c.Offset)
	}
	if _, err := r.file.Write(c.Data); err != nil {
		return false, DropDisk, errors.Annotate(err, "cannot write the snapshot")
	}
	_, _ = r.sum.Write(c.Data)
	if !c.Last {
		return false, "", nil
	}
	if r.sum.Size() != r.header.Size {
		return false, DropCut, errors.Errorf("the snapshot ends after %d of %d bytes", r.sum.Size(), r.header.Size)
	}
	if err := r.sum.Check(r.header); err != nil {
		return false, DropCorrupt, errors.Annotate(err, "the snapshot is corrupt")
	}
	if err := r.finish(); err != nil {
		return false, DropDisk, err
	}
	return true, "", nil
}

// begin checks what the snapshot claims to be and creates its file.
func (r *receiver) begin(m *raftserverpb.RaftMessage) (DropReason, error) {
	err := r.t.check(m, r.from)
	if err == nil && m.Message.GetMsgType() != eraftpb.MessageType_MsgSnapshot {
		err = errors.Errorf("a message of type %v has no snapshot", m.Message.GetMsgType())
	}
	if err == nil {
		r.header, err = raftstore.ReadSnapshotHeader(m.Message.Snapshot)
	}
	if err != nil {
		return DropMalformed, err
	}
	// An earlier attempt to send the same snapshot may not have ended here
	// yet, so each attempt has its own file.
	temporary := fmt.Sprintf("%s.%d.part", raftstore.SnapshotName(m.RegionId, m.Message.Snapshot.Metadata), r.t.attempts.Add(1))
	if r.file, err = r.t.cfg.Files.Create(temporary); err != nil {
		return DropDisk, errors.Annotate(err, "cannot create a file for the snapshot")
	}
	r.message, r.temporary = m, temporary
	return "", nil
}

// finish makes the file durable and gives it its final name.
func (r *receiver) finish() error {
	err := r.file.Sync()
	if closeErr := r.file.Close(); err == nil {
		err = closeErr
	}
	r.file = nil
	if err != nil {
		return errors.Annotate(err, "cannot sync the snapshot")
	}
	if err := r.t.cfg.Files.Rename(r.temporary, raftstore.SnapshotName(r.message.RegionId, r.message.Message.Snapshot.Metadata)); err != nil {
		return errors.Annotate(err, "cannot rename the snapshot")
	}
	r.temporary = ""
	return nil
}

// discard removes the file unless it is complete.
func (r *receiver) discard() {
	if r.file != nil {
		r.file.Close() // it is removed next, so the error does not matter
	}
	if r.temporary != "" {
		if err := r.t.cfg.Files.Remove(r.temporary); err != nil {
			r.t.cfg.Logger.Warn("cannot remove what is left of a snapshot", "error", err)
		}
	}
}
