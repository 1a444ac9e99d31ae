package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/raftstore/snapdir"
	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/proto/metapb"
)

// What a directory holds. A store that serves alone has its engine in the
// directory itself, one of a cluster has two engines and its snapshots below it.
const (
	raftDir     = "raft"
	kvDir       = "kv"
	snapshotDir = "snapshots"
	// engineFile is in every directory that an engine was opened in.
	engineFile = "FORMAT"
)

func exists(elements ...string) bool {
	_, err := os.Stat(filepath.Join(elements...))
	return err == nil
}

// openStandalone opens the engine of a store that serves alone.
func openStandalone(path string) (engine.Engine, error) {
	if exists(path, identityFile) {
		return nil, errors.Errorf("%s holds a store of a cluster: start it with --scheduler, or choose another directory", path)
	}
	if exists(path, raftDir, engineFile) || exists(path, kvDir, engineFile) {
		return nil, errors.Errorf("%s holds a store of a cluster: start it with --cluster-id, --store-id and --peer, or choose another directory", path)
	}
	return openEngine(path, engine.Families)
}

// checkEmpty returns an error if a new store would be made among files that are not
// its own.
func checkEmpty(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil && !os.IsNotExist(err) {
		return errors.Trace(err)
	}
	for _, entry := range entries {
		switch entry.Name() {
		case raftDir, kvDir, snapshotDir, identityFile + ".tmp", "lost+found": // of a start that was cut off, and of a file system
		default:
			return errors.Errorf("%s is not empty and holds no store (it has %s): give an empty or a new directory", path, entry.Name())
		}
	}
	return nil
}

// openReplicated opens what a store of a cluster has on disk. With --bootstrap or
// --rejoin it makes a new store first, in an empty directory and with the consent of
// the others. The caller closes it.
func openReplicated(ctx context.Context, c *config, f *founders, log *slog.Logger) (_ *replicated.Disk, err error) {
	if exists(c.Path, engineFile) {
		return nil, errors.Errorf("%s holds a store that serves alone: start it with --standalone, or choose another directory", c.Path)
	}
	if exists(c.Path, identityFile) {
		return nil, errors.Errorf("%s holds a store of a cluster with a scheduler: start it with --scheduler, or choose another directory", c.Path)
	}
	empty := !exists(c.Path, raftDir, engineFile) && !exists(c.Path, kvDir, engineFile)
	if empty {
		if err := c.mayMakeStore(ctx, f); err != nil {
			return nil, err
		}
	}

	disk, err := openDisk(c.Path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = disk.Close() // err says what is wrong
		}
	}()
	if c.bootstrap || c.rejoin {
		if !empty {
			return nil, c.notEmpty(disk)
		}
		if err := raftstore.Bootstrap(c.identity(disk), c.firstRegion()); err != nil {
			return nil, err
		}
		log.Info("made a new store", "cluster", c.ClusterID, "store", c.StoreID, "members", len(c.members), "rejoin", c.rejoin)
	}
	if err := c.checkMembers(disk); err != nil {
		return nil, err
	}
	return disk, nil
}

// openDisk opens the two engines and the snapshots in the directory of a store of a
// cluster.
func openDisk(path string) (_ *replicated.Disk, err error) {
	disk := &replicated.Disk{}
	var opened []func() error
	disk.Close = func() (err error) {
		for _, f := range slices.Backward(opened) {
			if closeErr := f(); err == nil {
				err = closeErr
			}
		}
		return err
	}
	defer func() {
		if err != nil {
			_ = disk.Close() // err says what is wrong
		}
	}()
	if disk.Raft, err = openEngine(filepath.Join(path, raftDir), raftstore.RaftFamilies); err != nil {
		return nil, err
	}
	opened = append(opened, disk.Raft.Close)
	if disk.KV, err = openEngine(filepath.Join(path, kvDir), raftstore.KVFamilies); err != nil {
		return nil, err
	}
	opened = append(opened, disk.KV.Close)
	files, err := snapdir.Open(filepath.Join(path, snapshotDir))
	if err != nil {
		return nil, err
	}
	disk.Files = files
	opened = append(opened, files.Close)
	return disk, nil
}

// mayMakeStore returns an error unless a store may be made in the directory, which
// holds none.
func (c *config) mayMakeStore(ctx context.Context, f *founders) error {
	if !c.bootstrap && !c.rejoin {
		return errors.Errorf("%s holds no store yet: pass --bootstrap if the whole cluster starts for the first time, or see --rejoin in --help if the data of this store is lost", c.Path)
	}
	if err := checkEmpty(c.Path); err != nil {
		return err
	}
	if c.bootstrap {
		return f.begin(ctx, c.Addr)
	}
	return f.established(ctx)
}

// firstRegion is what a new store begins with: region 1 with all keys, and a peer of
// it on every store, whose id is the id of the store.
//
// A store that has lost its data comes back the same way, under its old id, as a
// voter that knows nothing. Raft forbids that in general. The store may have
// acknowledged entries that are now on a minority, and voted in a term that it does
// not remember; it could help to elect a leader without those entries, and they would
// be lost although they were acknowledged to a client. With all others healthy they
// have, or are about to get, everything that is committed: then each of them refuses
// its vote to a candidate that has less, and no candidate has a majority without one
// of them. That holds until the store has caught up, and for one such store at a
// time. No program can check that it goes on to hold, so it is left to the operator
// who passes --rejoin; what can be checked is that the others answer and have data.
func (c *config) firstRegion() *metapb.Region {
	region := &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}
	for _, id := range slices.Sorted(maps.Keys(c.members)) {
		region.Peers = append(region.Peers, &metapb.Peer{Id: id, StoreId: id})
	}
	return region
}

// notEmpty is the error for a directory in which a store was to be made, and is one.
func (c *config) notEmpty(disk *replicated.Disk) error {
	regions, err := raftstore.Regions(disk.KV)
	if err != nil {
		return err
	}
	if len(regions) == 0 {
		return c.halfStore()
	}
	return errors.Errorf("%s holds a store already: start it without --bootstrap and --rejoin", c.Path)
}

// halfStore is the error for a directory with some of a store's data.
func (c *config) halfStore() error {
	return errors.Errorf("%s holds half a store: its first start was cut off, or data was removed: "+
		"remove the rest of it and start with --bootstrap again if the whole cluster is new, or else with --rejoin, see --help", c.Path)
}

func (c *config) identity(disk *replicated.Disk) *raftstore.Config {
	return &raftstore.Config{ClusterID: c.ClusterID, StoreID: c.StoreID, RaftEngine: disk.Raft, KVEngine: disk.KV}
}

// checkMembers returns an error unless the store has the members that were
// configured. Addresses may change. The voters are in the data, and the cluster has to
// agree on a change of them.
func (c *config) checkMembers(disk *replicated.Disk) error {
	regions, err := raftstore.Regions(disk.KV)
	if err != nil {
		return err
	}
	for _, region := range regions {
		ids := map[uint64]bool{}
		for _, peer := range region.Peers {
			ids[peer.StoreId] = true
		}
		if has, given := list(ids), list(c.members); has != given {
			return errors.Errorf("the data in %s is of a cluster of the stores %s, the peers given are %s: pass the same stores as at the first start", c.Path, has, given)
		}
	}
	return nil
}

// list returns the keys of a map as text, in ascending order.
func list[V any](ids map[uint64]V) string { return join(slices.Sorted(maps.Keys(ids))) }

// join returns ids as text.
func join(ids []uint64) string {
	var texts []string
	for _, id := range ids {
		texts = append(texts, fmt.Sprint(id))
	}
	return strings.Join(texts, ", ")
}
