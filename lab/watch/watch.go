// Package watch notices saved files of a Go module, and knows which packages'
// tests they affect.
//
// It looks at the files again and again, as simple programs do, because that
// works everywhere: whatever an editor does to save a file, on a network file
// system, in a container.
package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/errors"
)

// Interval is the time between two looks at the files. A change is reported once
// two looks in a row have seen the same: saving several files is one change, and
// so is an editor's way of replacing one.
const Interval = 250 * time.Millisecond

// Everywhere are the files in the root of a module that affect all tests.
var Everywhere = []string{"go.mod", "go.sum", "course.yaml"}

// A Watcher watches the Go files that some packages' tests are built from, and
// the files that affect all tests. It must not be used from several goroutines at
// once.
type Watcher struct {
	root     string
	packages []string
	affects  map[string][]string // packages, by each directory that their tests import
	seen     map[string]stamp    // by file
}

// A stamp tells one state of a file from another one.
type stamp struct {
	size     int64
	modified time.Time
}

// New returns a Watcher of the tests of packages: directories, slash separated
// and relative to root, the root of a module. Call Refresh before Next.
func New(root string, packages []string) *Watcher {
	return &Watcher{root: root, packages: packages}
}

// Refresh finds out anew what the tests are built from, as is needed after a
// change. Next reports what was saved since Refresh was called.
func (w *Watcher) Refresh(ctx context.Context) error {
	// What is saved while the go command reads the files must not be missed.
	w.seen = w.scan()
	affects, err := w.list(ctx)
	if err != nil {
		return err
	}
	for dir, packages := range affects {
		slices.Sort(packages)
		affects[dir] = slices.Compact(packages)
	}
	w.affects = affects
	seen := w.scan()
	for file, stamp := range w.seen {
		if _, watched := affects[path.Dir(file)]; watched || slices.Contains(Everywhere, file) {
			seen[file] = stamp
		}
	}
	w.seen = seen
	return nil
}

// A Change is what was saved.
type Change struct {
	Files    []string // slash separated and relative to the root, in order
	Packages []string // whose tests they affect, in order
}

// Next waits until something is saved, and returns it. The error is ctx's.
func (w *Watcher) Next(ctx context.Context) (Change, error) {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	last := w.seen
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return Change{}, ctx.Err()
		}
		now := w.scan()
		if maps.Equal(now, last) && !maps.Equal(now, w.seen) {
			change := w.change(now)
			w.seen = now
			return change, nil
		}
		last = now
	}
}

// change returns how the files differ from those that were seen last.
func (w *Watcher) change(now map[string]stamp) Change {
	var c Change
	all := maps.Clone(w.seen)
	maps.Copy(all, now)
	for _, file := range slices.Sorted(maps.Keys(all)) {
		if old, new := w.seen[file], now[file]; old == new {
			continue
		}
		c.Files = append(c.Files, file)
		if slices.Contains(Everywhere, file) {
			c.Packages = append(c.Packages, w.packages...)
		} else {
			c.Packages = append(c.Packages, w.affects[path.Dir(file)]...)
		}
	}
	slices.Sort(c.Packages)
	c.Packages = slices.Compact(c.Packages)
	return c
}

// scan returns the state of all files that are watched. A file that goes away
// meanwhile is not there.
func (w *Watcher) scan() map[string]stamp {
	files := map[string]stamp{}
	add := func(name string, info fs.FileInfo, err error) {
		if err == nil && !info.IsDir() {
			files[name] = stamp{info.Size(), info.ModTime()}
		}
	}
	for _, name := range Everywhere {
		info, err := os.Stat(filepath.Join(w.root, name))
		add(name, info, err)
	}
	for dir := range w.affects {
		entries, err := os.ReadDir(filepath.Join(w.root, filepath.FromSlash(dir)))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			name := entry.Name()
			if strings.HasSuffix(name, ".go") && name[0] != '.' && name[0] != '_' {
				info, err := entry.Info()
				add(path.Join(dir, name), info, err)
			}
		}
	}
	return files
}

// list asks the go command for the directories of the module that the tests of
// each package import, the package's own included. While something there cannot
// be read, the directories that were imported before count, too.
func (w *Watcher) list(ctx context.Context) (map[string][]string, error) {
	args := []string{"list", "-e", "-test", "-deps", "-json=ImportPath,Dir,Deps,Incomplete"}
	for _, dir := range w.packages {
		args = append(args, "./"+dir)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = w.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "PWD="+w.root)
	var says bytes.Buffer
	cmd.Stderr = &says
	output, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, errors.Errorf("go list: %v: %s", err, strings.TrimSpace(says.String()))
	}

	type listed struct {
		ImportPath, Dir string
		Deps            []string
		Incomplete      bool
	}
	dirs := map[string]string{}    // by import path
	tests := map[string][]string{} // what they import, by directory
	incomplete := map[string]bool{}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, errors.Annotate(err, "go list")
		}
		dir, err := filepath.Rel(w.root, p.Dir)
		if p.Dir == "" || err != nil || !filepath.IsLocal(dir) {
			continue // not of this module
		}
		dir = filepath.ToSlash(dir)
		dirs[p.ImportPath], incomplete[p.ImportPath] = dir, p.Incomplete
		if strings.HasSuffix(p.ImportPath, ".test") {
			tests[dir] = p.Deps
		}
	}
	affects := map[string][]string{}
	for _, test := range w.packages {
		deps, found := tests[test]
		affects[test] = append(affects[test], test)
		for _, dep := range deps {
			if dir, ok := dirs[dep]; ok {
				affects[dir] = append(affects[dir], test)
			}
		}
		if found && !slices.ContainsFunc(deps, func(dep string) bool { return incomplete[dep] }) {
			continue
		}
		for dir, packages := range w.affects {
			if slices.Contains(packages, test) {
				affects[dir] = append(affects[dir], test)
			}
		}
	}
	return affects, nil
}
