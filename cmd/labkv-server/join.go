package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/raftstore/snapdir"
	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

// A store with a scheduler is born in steps, and a crash may fall between any two of
// them. So each step is on disk before the next one begins, in identityFile, and the
// next start goes on with the step that the file names.
//
//  1. The scheduler allocates an id for the store, and, if the cluster has no store
//     yet, ids for a first region and its only peer. After a crash they are lost, and
//     no harm is done: ids are never used again.
//  2. The file is written, with all ids: the store is founding, or making. Nothing
//     else of the store exists after a crash, but it keeps its ids from now on.
//  3. A founding store asks the scheduler to be the first of the cluster. Of several
//     stores that ask, the scheduler takes one. A crash may come before the question
//     arrives, or before the answer does: the store asks again, and is told that the
//     cluster has a first store. It is this one if the scheduler knows its id, because
//     a store becomes known in this step or in the last one, which comes after this.
//  4. The file is written again: the store is making, with the region if it is the
//     first store, or without. After a crash there is no question left.
//  5. The engines get the store's identity, and the region. After a crash, whatever
//     they have of it is thrown away, and the step repeated. Nothing is lost by that:
//     the store has not run yet.
//  6. The file is written for the last time: the store is made.
//  7. At every start, before it serves, the store tells the scheduler where it
//     listens. Other stores find it by that.
//
// If the first store loses its disk after step 3, there is no copy of the region left,
// as if it had lost its disk later, before others had copies.

// identityFile is in the directory of every store with a scheduler.
const identityFile = "identity.json"

// identityVersion is the version of the file's format.
const identityVersion = 1

// An identity is the content of the file.
type identity struct {
	Version   int       `json:"version"`
	ClusterID uint64    `json:"cluster_id"`
	StoreID   uint64    `json:"store_id"`
	State     birthStep `json:"state"`
	// RegionID and PeerID are those of the region that the store begins with; 0 if
	// it begins with none.
	RegionID uint64 `json:"region_id,omitempty"`
	PeerID   uint64 `json:"peer_id,omitempty"`
}

// A birthStep is how far a store has come into being.
type birthStep string

const (
	founding birthStep = "founding" // it asks to be the first store
	making   birthStep = "making"   // its data is being made
	made     birthStep = "made"
)

// region returns the region that the store begins with, or none.
func (i *identity) regions() []*metapb.Region {
	if i.RegionID == 0 {
		return nil
	}
	return []*metapb.Region{{
		Id:          i.RegionID,
		RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1},
		Peers:       []*metapb.Peer{{Id: i.PeerID, StoreId: i.StoreID}},
	}}
}

// readIdentity returns what a directory says, or nil if there is no file.
func readIdentity(dir string) (*identity, error) {
	text, err := os.ReadFile(filepath.Join(dir, identityFile))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Trace(err)
	}
	i := &identity{}
	switch err := json.Unmarshal(text, i); {
	case err == nil && i.Version != identityVersion && i.Version != 0:
		return nil, errors.Errorf("%s of %s has version %d, this program knows version %d: use the program that wrote it", identityFile, dir, i.Version, identityVersion)
	case err != nil, i.Version == 0, i.ClusterID == 0, i.StoreID == 0, (i.RegionID == 0) != (i.PeerID == 0),
		i.State != founding && i.State != making && i.State != made:
		return nil, errors.Errorf("%s of %s is damaged: restore it from a backup", identityFile, dir)
	}
	return i, nil
}

// write makes i what a directory says, durably.
func (i *identity) write(dir string) error {
	text, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return errors.Trace(err)
	}
	// A snapdir replaces files durably, in whatever directory.
	files, err := snapdir.Open(dir)
	if err != nil {
		return err
	}
	defer files.Close()
	const temporary = identityFile + ".tmp"
	f, err := files.Create(temporary)
	if err != nil {
		return errors.Annotate(err, "cannot write the identity of the store")
	}
	if _, err = f.Write(append(text, '\n')); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = files.Rename(temporary, identityFile)
	}
	return errors.Annotate(err, "cannot write the identity of the store")
}

// A newcomer is a store with a scheduler on its way to serving.
type newcomer struct {
	scheduler schedulerpb.SchedulerClient
	addr      string // of the scheduler
	advertise string // where others reach the store
	path      string
	cluster   uint64 // that the configuration says; 0: the scheduler's
	log       *slog.Logger
}

// openScheduled opens what a store with a scheduler has on disk, and makes it first if
// it is not there; see above. It waits for the scheduler, until ctx is done. The caller
// closes the disk, which is connected with the scheduler.
func openScheduled(ctx context.Context, c *config, log *slog.Logger) (_ *replicated.Disk, err error) {
	if exists(c.Path, engineFile) {
		return nil, errors.Errorf("%s holds a store that serves alone: start it with --standalone, or choose another directory", c.Path)
	}
	id, err := readIdentity(c.Path)
	if err != nil {
		return nil, err
	}
	if id == nil {
		if err := checkEmpty(c.Path); err != nil {
			return nil, err
		}
	}
	// The engines lock the directory, so they come first.
	disk, err := openDisk(c.Path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = disk.Close() // err says what is wrong
		}
	}()
	if id == nil {
		// Without a file there is no store, unless it has another origin.
		used, err := usedDisk(disk)
		if err != nil {
			return nil, err
		}
		if used {
			return nil, errors.Errorf("%s holds a store of a cluster without a scheduler: start it with --cluster-id, --store-id and --peer, or choose another directory", c.Path)
		}
	}
	conn, err := client.Dial(c.Scheduler)
	if err != nil {
		return nil, err
	}
	onClose(disk, conn.Close)
	n := &newcomer{
		scheduler: schedulerpb.NewSchedulerClient(conn),
		addr:      c.Scheduler, advertise: c.AdvertiseAddr, path: c.Path, cluster: c.ClusterID, log: log,
	}
	if id, err = n.join(ctx, id, disk); err != nil {
		return nil, err
	}
	disk.Link = n.link(id)
	return disk, nil
}

// join makes the store, as far as it is not made, and makes it known to the scheduler.
// id is what the directory says, or nil.
func (n *newcomer) join(ctx context.Context, id *identity, disk *replicated.Disk) (*identity, error) {
	if id != nil && n.cluster != 0 && n.cluster != id.ClusterID {
		return nil, errors.Errorf("%s: the data belong to cluster %d, not %d: check --cluster-id and --path", n.path, id.ClusterID, n.cluster)
	}
	cluster, err := n.meet(ctx)
	switch {
	case err != nil:
		return nil, err
	case id != nil && cluster != id.ClusterID:
		return nil, errors.Errorf("%s: the data belong to cluster %d, the scheduler at %s is of cluster %d: check --scheduler and --path", n.path, id.ClusterID, n.addr, cluster)
	case n.cluster != 0 && cluster != n.cluster:
		return nil, errors.Errorf("the scheduler at %s is of cluster %d, not of cluster %d: check --scheduler and --cluster-id", n.addr, cluster, n.cluster)
	}
	n.cluster = cluster
	if id == nil {
		if id, err = n.conceive(ctx); err != nil {
			return nil, err
		}
	}
	if id.State == founding {
		if err := n.found(ctx, id); err != nil {
			return nil, err
		}
	}
	if id.State == making {
		if err := n.make(id, disk); err != nil {
			return nil, err
		}
	}
	return id, n.announce(ctx, id)
}

// meet asks the scheduler which cluster it manages.
func (n *newcomer) meet(ctx context.Context) (cluster uint64, err error) {
	err = n.ask(ctx, func(ctx context.Context) (*schedulerpb.ResponseHeader, error) {
		r, err := n.scheduler.GetMembers(ctx, &schedulerpb.GetMembersRequest{Header: n.header()})
		cluster = r.GetHeader().GetClusterId()
		return nil, err // it may refuse who does not know the cluster, and name it all the same
	})
	if err == nil && cluster == 0 {
		err = errors.Errorf("the scheduler at %s does not say of which cluster it is", n.addr)
	}
	return cluster, err
}

// conceive is steps 1 and 2.
func (n *newcomer) conceive(ctx context.Context) (*identity, error) {
	id := &identity{Version: identityVersion, ClusterID: n.cluster, State: making}
	var err error
	if id.StoreID, err = n.allocate(ctx); err != nil {
		return nil, err
	}
	bootstrapped := false
	if err := n.ask(ctx, func(ctx context.Context) (*schedulerpb.ResponseHeader, error) {
		r, err := n.scheduler.IsBootstrapped(ctx, &schedulerpb.IsBootstrappedRequest{Header: n.header()})
		bootstrapped = r.GetBootstrapped()
		return r.GetHeader(), err
	}); err != nil {
		return nil, err
	}
	if !bootstrapped {
		id.State = founding
		if id.RegionID, err = n.allocate(ctx); err != nil {
			return nil, err
		}
		if id.PeerID, err = n.allocate(ctx); err != nil {
			return nil, err
		}
	}
	return id, id.write(n.path)
}

func (n *newcomer) allocate(ctx context.Context) (id uint64, err error) {
	err = n.ask(ctx, func(ctx context.Context) (*schedulerpb.ResponseHeader, error) {
		r, err := n.scheduler.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: n.header()})
		id = r.GetId()
		return r.GetHeader(), err
	})
	return id, err
}

// found is steps 3 and 4.
func (n *newcomer) found(ctx context.Context, id *identity) error {
	err := n.ask(ctx, func(ctx context.Context) (*schedulerpb.ResponseHeader, error) {
		r, err := n.scheduler.Bootstrap(ctx, &schedulerpb.BootstrapRequest{Header: n.header(), Store: n.store(id)})
		return r.GetHeader(), err
	})
	if client.IsRefused(err, schedulerpb.ErrorType_ALREADY_BOOTSTRAPPED) {
		known := false
		err = n.ask(ctx, func(ctx context.Context) (*schedulerpb.ResponseHeader, error) {
			r, err := n.scheduler.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: n.header(), StoreId: id.StoreID})
			known = r.GetHeader().GetError() == nil && r.GetStore().GetId() == id.StoreID
			return nil, err // a refusal says that the store is not known
		})
		if err == nil && !known {
			n.log.Info("another store is the first of the cluster: this one joins it", "store", id.StoreID)
			id.RegionID, id.PeerID = 0, 0
		}
	}
	if err != nil {
		return err
	}
	id.State = making
	return id.write(n.path)
}

// make is steps 5 and 6.
func (n *newcomer) make(id *identity, disk *replicated.Disk) error {
	for _, e := range enginesOf(disk) {
		for _, family := range e.families {
			if err := e.engine.DeleteRange(family, engine.Range{}); err != nil {
				return err
			}
		}
		if err := e.engine.Sync(); err != nil {
			return err
		}
	}
	config := &raftstore.Config{ClusterID: id.ClusterID, StoreID: id.StoreID, RaftEngine: disk.Raft, KVEngine: disk.KV}
	if err := raftstore.Bootstrap(config, id.regions()...); err != nil {
		return err
	}
	id.State = made
	if err := id.write(n.path); err != nil {
		return err
	}
	n.log.Info("made a new store", "cluster", id.ClusterID, "store", id.StoreID, "first", id.RegionID != 0)
	return nil
}

// announce is step 7.
func (n *newcomer) announce(ctx context.Context, id *identity) error {
	err := n.ask(ctx, func(ctx context.Context) (*schedulerpb.ResponseHeader, error) {
		r, err := n.scheduler.PutStore(ctx, &schedulerpb.PutStoreRequest{Header: n.header(), Store: n.store(id)})
		return r.GetHeader(), err
	})
	switch {
	case client.IsRefused(err, schedulerpb.ErrorType_STORE_TOMBSTONE):
		return errors.Errorf("store %d was removed from cluster %d for good: to add this machine as a new store, start with an empty directory instead of %s", id.StoreID, id.ClusterID, n.path)
	case client.IsRefused(err, schedulerpb.ErrorType_NOT_BOOTSTRAPPED):
		return errors.Errorf("%s holds store %d of cluster %d, and the scheduler at %s knows of no store: it has lost its data, or is another one", n.path, id.StoreID, id.ClusterID, n.addr)
	case err == nil:
		n.log.Info("joined the cluster", "cluster", id.ClusterID, "store", id.StoreID, "scheduler", n.addr, "advertise", n.advertise)
	}
	return err
}

func (n *newcomer) header() *schedulerpb.RequestHeader {
	return &schedulerpb.RequestHeader{ClusterId: n.cluster}
}

func (n *newcomer) store(id *identity) *metapb.Store {
	return &metapb.Store{Id: id.StoreID, Address: n.advertise}
}

// ask makes a call until the scheduler answers, and returns its refusal, if it is one.
// The error may also be that ctx is done, or that what answers is no scheduler.
func (n *newcomer) ask(ctx context.Context, call func(context.Context) (*schedulerpb.ResponseHeader, error)) error {
	const limit, pause = 5 * time.Second, 200 * time.Millisecond
	said := ""
	for {
		header, err := func() (*schedulerpb.ResponseHeader, error) {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return call(ctx)
		}()
		switch {
		case err == nil:
			return errors.Annotatef(client.Check(header), "the scheduler at %s refuses", n.addr)
		case status.Code(err) == codes.Unimplemented:
			return errors.Errorf("the server at %s is not a scheduler, or not a complete one: %s", n.addr, status.Convert(err).Message())
		case ctx.Err() != nil:
			return ctx.Err()
		case said != status.Convert(err).Message():
			said = status.Convert(err).Message()
			n.log.Info("waiting for the scheduler", "addr", n.addr, "error", said)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// link connects the store with the scheduler while it runs.
func (n *newcomer) link(id *identity) *replicated.Link {
	began := time.Now()
	last := began // when the last report was made; reports come one after the other
	c := client.NewStoreClient(client.StoreConfig{
		ClusterID: id.ClusterID,
		Scheduler: n.scheduler,
		Complete: func(s *schedulerpb.StoreStats) {
			now := time.Now()
			s.StartTime = uint32(began.Unix())
			s.Interval = &schedulerpb.TimeInterval{StartTimestamp: uint64(last.Unix()), EndTimestamp: uint64(now.Unix())}
			last = now
			if capacity, available, ok := room(n.path); ok {
				s.Capacity, s.Available = capacity, available
			}
			s.UsedSize = usage(n.path)
		},
		Logger: n.log,
	})
	return &replicated.Link{
		ClusterID: id.ClusterID,
		StoreID:   id.StoreID,
		Lookup:    client.NewAddressBook(id.ClusterID, n.scheduler).Lookup,
		Scheduler: c,
		Start:     func(s *raftstore.Store) { c.Start(s) },
		Close:     c.Close,
	}
}

// usage returns the size of all files in a directory and below, in bytes. It misses
// files that come or go meanwhile.
func usage(dir string) uint64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return uint64(sum)
}

// An engineOf is one of the engines of a disk.
type engineOf struct {
	engine   engine.Engine
	families []engine.CF
}

func enginesOf(disk *replicated.Disk) []engineOf {
	return []engineOf{{disk.Raft, raftstore.RaftFamilies}, {disk.KV, raftstore.KVFamilies}}
}

// usedDisk reports whether an engine of a disk has any data.
func usedDisk(disk *replicated.Disk) (used bool, err error) {
	for _, e := range enginesOf(disk) {
		for _, family := range e.families {
			it, err := e.engine.Iterate(family, engine.Range{})
			if err != nil {
				return false, err
			}
			it.Seek(nil)
			used = used || it.Valid()
			if err := it.Close(); err != nil {
				return false, err
			}
		}
	}
	return used, nil
}

// onClose makes f what closing a disk ends with.
func onClose(disk *replicated.Disk, f func() error) {
	closeDisk := disk.Close
	disk.Close = func() error {
		err := closeDisk()
		if closeErr := f(); err == nil {
			err = closeErr
		}
		return err
	}
}
