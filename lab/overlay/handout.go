package overlay

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/overlay/source"
)

// Handout is the repository that students receive.
type Handout struct {
	// Tree is the complete tree that it is made from.
	Tree *Tree
	// Exclude are patterns (see [Glob]) of files that students do not get. Each
	// must match something, because one that does not is a file that was renamed
	// and is about to be handed out.
	Exclude []string
	// Files is a directory of the tree, "" for none, whose files take the places of
	// the tree's, or join them: Files/Makefile is the Makefile of the handout. The
	// directory itself is not handed out.
	Files string
}

// Write makes the handout in dir, which must be absent or empty; its parent must
// exist. It consists of the files of the tree (if Root is a Git repository:
// the files that Git tracks or would track; else all files outside out and outside
// directories that begin with a dot), without the excluded ones, as
// [Tree.Skeleton] has them when no stage is kept and what is private is
// dropped, and of those in Files. Permissions are as in the tree.
//
// If Git is installed, dir becomes a repository with one commit, which is
// returned. Its author and date are fixed: the same tree gives the same commit.
//
// Nothing outside dir is written. On failure, the end of ctx included, dir is
// left as it was found.
func (h *Handout) Write(ctx context.Context, dir string) (commit string, err error) {
	contents, err := h.contents(ctx)
	if err != nil {
		return "", err
	}
	created, err := prepare(dir)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			clear := emptyDir(dir)
			if created && clear == nil {
				clear = os.Remove(dir)
			}
			if clear != nil {
				err = errors.Annotatef(err, "%s could not be cleaned up (%v)", dir, clear)
			}
		}
	}()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", errors.Trace(err)
	}
	defer root.Close()
	for _, file := range contents {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		name := filepath.FromSlash(file.name)
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return "", errors.Annotate(err, "write handout")
		}
		if err := root.WriteFile(name, file.content, file.mode); err != nil {
			return "", errors.Annotate(err, "write handout")
		}
	}
	return commitAll(ctx, dir)
}

// handoutFile is one file of a handout.
type handoutFile struct {
	name    string // slash separated, relative to the handout
	content []byte
	mode    fs.FileMode
}

// contents returns the files of the handout, in order of their names.
func (h *Handout) contents(ctx context.Context) ([]handoutFile, error) {
	skeleton, err := h.Tree.Skeleton(func(string) bool { return false }, DropPrivate)
	if err != nil {
		return nil, err
	}
	names, origin, err := h.included(ctx)
	if err != nil {
		return nil, err
	}
	var files []handoutFile
	var mistakes source.ErrorList
	for _, name := range names {
		content, rewritten := skeleton[name]
		if origin[name] != name {
			if path.Ext(name) == ".go" && slices.Contains(h.Tree.Dirs, path.Dir(name)) {
				mistakes.Add(origin[name], 0, "would be handed out in the place of a file that students write; remove it")
				continue
			}
		} else if rewritten && content == nil {
			continue
		}
		from := filepath.Join(h.Tree.Root, filepath.FromSlash(origin[name]))
		info, err := os.Lstat(from)
		if os.IsNotExist(err) {
			continue // Git still lists what was deleted and not yet committed.
		}
		if err != nil {
			return nil, errors.Trace(err)
		}
		if !info.Mode().IsRegular() {
			mistakes.Add(origin[name], 0, "is not a plain file, and a handout holds only such; exclude it")
			continue
		}
		if !rewritten {
			if content, err = os.ReadFile(from); err != nil {
				return nil, errors.Trace(err)
			}
			mistakes = append(mistakes, h.stray(name, content)...)
		}
		files = append(files, handoutFile{name, content, info.Mode().Perm()})
	}
	return files, mistakes.Err()
}

// stray finds directives in Go files that no directory of the tree covers:
// they would have no effect, and a solution would be handed out.
func (h *Handout) stray(name string, content []byte) (mistakes source.ErrorList) {
	dir := path.Dir(name)
	if path.Ext(name) != ".go" || slices.Contains(h.Tree.Dirs, dir) || !bytes.Contains(content, []byte(prefix)) || goIgnores(name) {
		return nil
	}
	f, err := source.Parse(name, content)
	if err != nil {
		return nil // Nothing that students write is in here, and the compiler says more about it.
	}
	for _, group := range f.AST.Comments {
		for _, c := range directives(group) {
			mistakes.Add(name, f.Line(c.Pos()), "this directive has no effect, because %s is not among the directories that students edit (%s)", dir, strings.Join(h.Tree.Dirs, ", "))
		}
	}
	return mistakes
}

// goIgnores reports whether the go command leaves the file out of every package.
func goIgnores(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(e string) bool {
		return e == "testdata" || strings.HasPrefix(e, "_") || strings.HasPrefix(e, ".")
	})
}

// included returns the names of the files of the handout, in order, and the names
// that they have in the tree.
func (h *Handout) included(ctx context.Context) (names []string, origin map[string]string, err error) {
	all, err := Files(ctx, h.Tree.Root)
	if err != nil {
		return nil, nil, err
	}
	var laid []string
	if h.Files != "" {
		all = slices.DeleteFunc(all, func(name string) bool {
			within, ok := strings.CutPrefix(name, h.Files+"/")
			if ok {
				laid = append(laid, within)
			}
			return ok
		})
		if len(laid) == 0 {
			return nil, nil, errors.Errorf("handout: there are no files in %s, which are to be laid over the tree's", h.Files)
		}
	}
	all, err = h.withoutExcluded(all)
	if err != nil {
		return nil, nil, err
	}
	origin = map[string]string{}
	for _, name := range all {
		origin[name] = name
	}
	for _, name := range laid {
		origin[name] = h.Files + "/" + name
	}
	return slices.Sorted(maps.Keys(origin)), origin, nil
}

// withoutExcluded returns those of the names that no pattern excludes.
func (h *Handout) withoutExcluded(names []string) ([]string, error) {
	globs := make([]Glob, len(h.Exclude))
	for i, pattern := range h.Exclude {
		var err error
		if globs[i], err = ParseGlob(pattern); err != nil {
			return nil, errors.Annotate(err, "handout")
		}
	}
	used := make([]bool, len(globs))
	names = slices.DeleteFunc(names, func(name string) bool {
		excluded := false
		for i, g := range globs {
			if g.Match(name) {
				used[i], excluded = true, true
			}
		}
		return excluded
	})
	for i, pattern := range h.Exclude {
		// Hidden files are listed in a repository only, see Files.
		if !used[i] && !strings.HasPrefix(pattern, ".") {
			return nil, errors.Errorf("handout: pattern %q excludes no file of the tree; correct or remove it", pattern)
		}
	}
	return names, nil
}

// Files returns the files of a tree as slash-separated paths, in order: what Git tracks or
// would track in a repository, else all that is not hidden.
func Files(ctx context.Context, root string) ([]string, error) {
	if _, err := os.Lstat(filepath.Join(root, ".git")); err == nil {
		return listTracked(ctx, root)
	}
	var names []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if !d.IsDir() {
			names = append(names, filepath.ToSlash(rel))
			return nil
		}
		if strings.HasPrefix(d.Name(), ".") || rel == "out" {
			return filepath.SkipDir
		}
		return nil
	})
	slices.Sort(names)
	return names, errors.Annotatef(err, "list the files of %s", root)
}

// listTracked returns what Git tracks or would track. Other repositories inside
// the working tree, such as an earlier handout, are not part of it.
func listTracked(ctx context.Context, root string) ([]string, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errors.Errorf("%s is a Git repository, but git is not installed, and only it knows which files belong to the tree", root)
	}
	out, err := git(ctx, root, nil, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	names := strings.Split(out, "\x00")
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" || strings.HasSuffix(n, "/") })
	slices.Sort(names)
	return slices.Compact(names), nil
}

// prepare makes sure that dir is an empty directory, and reports whether it had to
// create it.
func prepare(dir string) (created bool, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case os.IsNotExist(err):
		if err := os.Mkdir(dir, 0o755); err != nil {
			return false, errors.Annotatef(err, "handout")
		}
		return true, nil
	case err != nil:
		return false, errors.Errorf("handout: %s is not a directory that can be read; name a new or an empty one", dir)
	case len(entries) > 0:
		return false, errors.Errorf("handout: %s is not empty (it has %s); name a new or an empty directory", dir, entries[0].Name())
	}
	return false, nil
}

func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// commitAll makes dir a repository with everything in one commit. Without git
// it does nothing and returns "".
func commitAll(ctx context.Context, dir string) (commit string, err error) {
	if _, err := exec.LookPath("git"); err != nil {
		return "", nil
	}
	// The user's configuration must not count: line endings, signing, hooks and
	// templates would change the commit.
	const author, date = "LabKV", "2000-01-01T00:00:00Z"
	env := []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=" + author, "GIT_AUTHOR_EMAIL=labkv@localhost", "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=" + author, "GIT_COMMITTER_EMAIL=labkv@localhost", "GIT_COMMITTER_DATE=" + date,
	}
	for _, args := range [][]string{
		{"-c", "init.defaultBranch=main", "-c", "init.templateDir=", "init", "--quiet"},
		// Forced, because a file of the tree is in the handout even if a pattern says to ignore it.
		{"-c", "core.autocrlf=false", "add", "--all", "--force", "."},
		{"commit", "--quiet", "--allow-empty", "--message", "Start of the course"},
	} {
		if _, err := git(ctx, dir, env, args...); err != nil {
			return "", err
		}
	}
	out, err := git(ctx, dir, env, "rev-parse", "HEAD")
	return strings.TrimSpace(out), err
}

// git runs git in dir, with env and the variables of this process, and returns
// what it prints.
func git(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	// Git sets these for its hooks. They would name another repository than dir's.
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
			"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_DEFAULT_HASH", "GIT_TEMPLATE_DIR":
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(append(cmd.Env, env...), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		said, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return "", errors.Errorf("git %s in %s: %s", strings.Join(args, " "), dir, cmp.Or(said, err.Error()))
	}
	return string(out), nil
}
