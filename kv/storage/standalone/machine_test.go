package standalone_test

import (
	"context"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// contract is the source of most claims of this stage.
const contract = "the storage contract (package kv/storage)"

// rc is the Context of a request to a storage that has no regions.
var rc = &kvrpcpb.Context{}

// A machine has a disk, and on it the engine that was opened last.
type machine struct {
	disk *memory.Disk

	mu     sync.Mutex
	opened []*memory.Engine
	refuse error // what open returns instead of an engine, if not nil
}

func newMachine() *machine { return &machine{disk: memory.NewDisk()} }

func (m *machine) open() (engine.Engine, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return nil, m.refuse
	}
	e, err := m.disk.Open(engine.Families...)
	if err != nil {
		return nil, err
	}
	m.opened = append(m.opened, e)
	return e, nil
}

// engine returns the engine that was opened last.
func (m *machine) engine(t *graded.T) *memory.Engine {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	require.NotEmpty(t, m.opened, "Start did not open an engine through Config.Open")
	return m.opened[len(m.opened)-1]
}

// start runs a new storage on the machine. It is stopped when the test ends.
func (m *machine) start(t *graded.T) storage.Storage {
	t.Helper()
	return m.startWith(t, standalone.Config{Open: m.open})
}

func (m *machine) startWith(t *graded.T, config standalone.Config) storage.Storage {
	t.Helper()
	s := newStorage(t, config)
	require.NoError(t, s.Start(), "Start")
	t.Cleanup(func() { s.Stop() })
	return s
}

func newStorage(t *graded.T, config standalone.Config) storage.Storage {
	t.Helper()
	s := standalone.New(config)
	require.NotNil(t, s, "New returned nil")
	return patient{s}
}

// patience is how long a call of a storage may take. It waits for no client, no
// network and no disk.
const patience = 10 * time.Second

// A patient caller of a storage gives up after patience, with an error that names
// the call.
type patient struct{ storage.Storage }

func (p patient) Start() error { return within("Start", p.Storage.Start) }
func (p patient) Stop() error  { return within("Stop", p.Storage.Stop) }

func (p patient) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	return within("Write", func() error { return p.Storage.Write(ctx, rc, ops) })
}

func (p patient) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	opened := make(chan storage.Reader, 1)
	err := within("Reader", func() error {
		r, err := p.Storage.Reader(ctx, rc)
		opened <- r
		return err
	})
	if err != nil {
		return nil, err
	}
	return <-opened, nil
}

func within(name string, call func() error) error {
	returned := make(chan error, 1)
	go func() { returned <- call() }()
	select {
	case err := <-returned:
		return err
	case <-time.After(patience):
		return errors.Errorf("%s has not returned after %s", name, patience)
	}
}

func put(cf engine.CF, key, value string) engine.Op {
	return engine.Op{CF: cf, Key: []byte(key), Value: []byte(value)}
}

func del(cf engine.CF, key string) engine.Op {
	return engine.Op{CF: cf, Key: []byte(key), Delete: true}
}

// write writes batch and demands success.
func write(t *graded.T, s storage.Storage, batch ...engine.Op) {
	t.Helper()
	require.NoError(t, s.Write(t.Context(), rc, batch), "Write")
}

// reader opens a reader, which is closed when the test ends.
func reader(t *graded.T, s storage.Storage) storage.Reader {
	t.Helper()
	r, err := s.Reader(t.Context(), rc)
	require.NoError(t, err, "Reader")
	require.NotNil(t, r, "Reader returned neither a reader nor an error")
	t.Cleanup(func() { r.Close() })
	return r
}

// absent is what dump and get show for a key that is not there.
const absent = "(absent)"

// get reads one key through r.
func get(t *graded.T, r storage.Reader, cf engine.CF, key string) string {
	t.Helper()
	value, found, err := r.Get(cf, []byte(key))
	require.NoError(t, err, "Get %s %q", cf, key)
	if !found {
		return absent
	}
	return string(value)
}

// getNow reads one key through a reader of its own.
func getNow(t *graded.T, s storage.Storage, cf engine.CF, key string) string {
	t.Helper()
	r, err := s.Reader(t.Context(), rc)
	require.NoError(t, err, "Reader")
	defer r.Close()
	return get(t, r, cf, key)
}

// dump lists the pairs of cf within bounds as key=value, in iterator order.
func dump(t *graded.T, r storage.Reader, cf engine.CF, bounds engine.Range) []string {
	t.Helper()
	it, err := r.Iterate(cf, bounds)
	require.NoError(t, err, "Iterate %s", cf)
	pairs := []string{}
	for it.Seek(nil); it.Valid(); it.Next() {
		pairs = append(pairs, string(it.Key())+"="+string(it.Value()))
	}
	require.NoError(t, it.Close(), "closing the iterator")
	return pairs
}

// everything lists all pairs of all families as family/key=value.
func everything(t *graded.T, s storage.Storage) []string {
	t.Helper()
	r, err := s.Reader(t.Context(), rc)
	require.NoError(t, err, "Reader")
	defer r.Close()
	all := []string{}
	for _, cf := range engine.Families {
		for _, pair := range dump(t, r, cf, engine.Range{}) {
			all = append(all, cf+"/"+pair)
		}
	}
	return all
}

// cause returns what err wraps by way of github.com/pingcap/errors, which
// errors.Is and errors.As do not look through.
func cause(err error) error { return errors.Cause(err) }

// canceled returns a context that is already done.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
