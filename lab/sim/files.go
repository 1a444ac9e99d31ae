package sim

import (
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/dice"
)

// Files is the file system of a machine as one incarnation sees it: one
// directory of files that are written once, from beginning to end.
//
// It keeps after a crash what a file system with a journal keeps:
//
//   - What was written to a file before its last Sync is there. Of what was
//     written after it, some prefix is.
//   - Creating, renaming and removing reach the disk in the order in which they
//     were done. Sync of any file makes all that were done before it durable;
//     of the later ones, some prefix is.
//
// Every method returns engine.ErrClosed once the incarnation has crashed.
type Files struct {
	fs   *fileSystem
	life *life
}

// A File is an open file. It belongs to one goroutine.
type File struct {
	fs     *fileSystem
	life   *life
	inode  *inode
	offset int
	closed bool
}

// A fileSystem is what the incarnations of a machine share.
type fileSystem struct {
	mu sync.Mutex
	// now is the directory as processes see it, durable is what of it is on the
	// disk, and pending is what leads from one to the other.
	now, durable map[string]*inode
	pending      []rename
	full         bool
	// begin is told of every write, and whether it is a sync, and says why it fails,
	// if it does.
	begin func(sync bool) error
}

// A rename is a change of the directory: of a file that has no old name, it is
// its creation; of one that gets no new name, its removal.
type rename struct {
	old, new string
	inode    *inode // of a creation
}

// An inode is the content of a file. Its first synced bytes are durable.
type inode struct {
	data   []byte
	synced int
}

func (r rename) apply(directory map[string]*inode) {
	file := r.inode
	if r.old != "" {
		file = directory[r.old]
		delete(directory, r.old)
	}
	if r.new != "" && file != nil {
		directory[r.new] = file
	}
}

func newFileSystem(begin func(sync bool) error) fileSystem {
	return fileSystem{now: map[string]*inode{}, durable: map[string]*inode{}, begin: begin}
}

// change makes a change of the directory.
func (f *Files) change(r rename) error {
	if err := f.fs.admit(f.life, 0, false); err != nil {
		return err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if r.old != "" && f.fs.now[r.old] == nil {
		return &fs.PathError{Op: "rename", Path: r.old, Err: fs.ErrNotExist}
	}
	r.apply(f.fs.now)
	f.fs.pending = append(f.fs.pending, r)
	return nil
}

// Create makes an empty file for writing. It replaces one of the same name.
func (f *Files) Create(name string) (*File, error) {
	file := &File{fs: f.fs, life: f.life, inode: &inode{}}
	if err := f.change(rename{new: name, inode: file.inode}); err != nil {
		return nil, err
	}
	return file, nil
}

// Open opens a file for reading. If there is none, the error is fs.ErrNotExist.
func (f *Files) Open(name string) (*File, error) {
	if !f.life.alive() {
		return nil, engine.ErrClosed
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	file := f.fs.now[name]
	if file == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &File{fs: f.fs, life: f.life, inode: file}, nil
}

// Remove removes a file. Who has it open can still use it.
func (f *Files) Remove(name string) error { return f.change(rename{old: name}) }

// Rename gives a file a new name. A file that had that name is gone.
func (f *Files) Rename(old, new string) error { return f.change(rename{old: old, new: new}) }

// List returns the names of all files, ascending.
func (f *Files) List() ([]string, error) {
	if !f.life.alive() {
		return nil, engine.ErrClosed
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return slices.Sorted(maps.Keys(f.fs.now)), nil
}

// Write appends data to the file.
func (f *File) Write(data []byte) (int, error) {
	if f.closed {
		return 0, fs.ErrClosed
	}
	if err := f.fs.admit(f.life, len(data), false); err != nil {
		return 0, err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.inode.data = append(f.inode.data, data...)
	return len(data), nil
}

// Sync makes the file, and the directory as it is, durable.
func (f *File) Sync() error {
	if f.closed {
		return fs.ErrClosed
	}
	if err := f.fs.admit(f.life, 0, true); err != nil {
		return err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.inode.synced = len(f.inode.data)
	f.fs.settle(len(f.fs.pending))
	return nil
}

// Read reads on from where the last Read ended.
func (f *File) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, int64(f.offset))
	f.offset += n
	if n > 0 {
		err = nil
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	if f.closed {
		return 0, fs.ErrClosed
	}
	if !f.life.alive() {
		return 0, engine.ErrClosed
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if offset >= int64(len(f.inode.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.inode.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Size returns the bytes of the file.
func (f *File) Size() int64 {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.inode.data))
}

// Close ends the use of the file, without a sync.
func (f *File) Close() error {
	f.closed = true
	return nil
}

// admit returns why a write of so many bytes, or a sync, fails, if it does.
func (s *fileSystem) admit(l *life, bytes int, sync bool) error {
	if !l.alive() {
		return engine.ErrClosed
	}
	if s.begin != nil {
		if err := s.begin(sync); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full && bytes > 0 {
		return engine.ErrDiskFull
	}
	return nil
}

// settle makes the first n pending changes of the directory durable.
func (s *fileSystem) settle(n int) {
	for _, r := range s.pending[:n] {
		r.apply(s.durable)
	}
	s.pending = slices.Delete(s.pending, 0, n)
}

// crash loses what was not synced. keep returns, for a number of things that
// could survive one after the other, how many do.
func (s *fileSystem) crash(keep func(n int) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(keep(len(s.pending)))
	s.pending = nil
	s.now = maps.Clone(s.durable)
	for _, name := range slices.Sorted(maps.Keys(s.now)) {
		// Incarnations that died keep their inodes: they change nothing here.
		old := s.now[name]
		n := old.synced + keep(len(old.data)-old.synced)
		file := &inode{data: slices.Clone(old.data[:n]), synced: n}
		s.now[name], s.durable[name] = file, file
	}
}

// flip changes one bit of one file, both chosen by bits. It returns the name of
// the file, or "" if there is no byte to change.
func (s *fileSystem) flip(bits uint64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.now)) {
		if len(s.now[name].data) > 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	name := names[bits%uint64(len(names))]
	data := s.now[name].data
	bits = dice.Mix(bits)
	data[bits%uint64(len(data))] ^= 1 << (bits >> 61)
	return name
}
