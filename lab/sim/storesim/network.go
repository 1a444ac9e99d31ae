package storesim

import (
	"io"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// network implements raftstore.Transport. A snapshot travels with its file.
type network struct{ s *store }

// fileFollows begins the attachment of a snapshot, which is never empty that way:
// the file of an empty region is.
const fileFollows = 'F'

func (n network) Send(m *raftserverpb.RaftMessage) {
	if n.s.lied == nil && !n.s.dead() {
		n.s.lied = n.s.system.promises.sent(n.s, m)
	}
	if n.s.system.machineOf(m.ToPeer.GetStoreId()) == 0 {
		return
	}
	p := &sim.Packet{To: n.s.system.machineOf(m.ToPeer.GetStoreId()), Stream: m.RegionId, Body: m}
	if m.Message.GetSnapshot().GetMetadata() != nil {
		content, ok := n.s.snapshotFile(m)
		if !ok {
			// The receiver would find out, and refuse it.
			n.s.ReportSnapshot(m.RegionId, m.ToPeer.Id, false)
			return
		}
		p.Attachment = append([]byte{fileFollows}, content...)
	}
	n.s.env.Send(p)
}

// snapshotFile returns the file of the snapshot in m, and whether it is what the
// snapshot says.
func (s *store) snapshotFile(m *raftserverpb.RaftMessage) (content []byte, ok bool) {
	header, err := raftstore.ReadSnapshotHeader(m.Message.Snapshot)
	if err != nil {
		return nil, false
	}
	f, err := s.files.Files.Open(raftstore.SnapshotName(m.RegionId, m.Message.Snapshot.Metadata))
	if err != nil {
		return nil, false
	}
	defer f.Close()
	if content, err = io.ReadAll(f); err != nil {
		return nil, false
	}
	var sum raftstore.SnapshotSum
	_, _ = sum.Write(content)
	ok = sum.Check(header) == nil
	if !ok {
		s.env.Reach(SnapshotCorrupt)
	}
	return content, ok
}

// Receive implements sim.Process.
func (s *store) Receive(p *sim.Packet) {
	if s.hears(p) {
		return
	}
	m := message(p)
	if len(p.Attachment) > 0 {
		st, _ := s.Status(m.RegionId)
		if st.Installing {
			s.env.Reach(SnapshotRepeated)
		} else if m.Message.Snapshot.Metadata.Index <= st.Applied {
			s.env.Reach(SnapshotUseless)
		}
		if s.receiveFile(raftstore.SnapshotName(m.RegionId, m.Message.Snapshot.Metadata), p.Attachment[1:]) != nil {
			return // the disk is full, or gone
		}
	}
	s.Step(m)
}

// receiveFile makes a file durable under its name, as a whole or not at all: there
// may be one of that name already, which is needed.
func (s *store) receiveFile(name string, content []byte) (err error) {
	part := name + ".part"
	f, err := s.files.Create(part)
	if err != nil {
		return err
	}
	defer func() {
		_ = f.Close()
		if err != nil {
			_ = s.files.Remove(part)
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := s.files.Rename(part, name); err != nil {
		return err
	}
	return f.Sync() // the name
}

// Unreachable implements sim.Reporter.
func (s *store) Unreachable(p *sim.Packet) {
	m, ok := p.Body.(*raftserverpb.RaftMessage)
	if !ok {
		return // it was for the scheduler
	}
	s.ReportUnreachable(m.RegionId, m.ToPeer.Id)
}

// Transferred implements sim.Reporter.
func (s *store) Transferred(p *sim.Packet, arrived bool) {
	m := message(p)
	s.ReportSnapshot(m.RegionId, m.ToPeer.Id, arrived)
}

// files implements raftstore.Files.
type files struct {
	*sim.Files
	s *store
}

func (f files) Create(name string) (raftstore.File, error) {
	f.s.inPass("creates snapshot file " + name)
	f.s.shuffler.flush()
	return f.Files.Create(name)
}

func (f files) Remove(name string) error {
	f.s.shuffler.flush()
	return f.Files.Remove(name)
}

func (f files) Open(name string) (io.ReadCloser, error) {
	f.s.inPass("opens snapshot file " + name)
	return f.Files.Open(name)
}
