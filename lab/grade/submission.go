package grade

import (
	"bytes"
	stderrors "errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/labkv/labkv/lab/course"
)

// Limits of a submission. Honest ones are far below.
const (
	maxSubmissionBytes = 64 << 20 // uncompressed, all files
	maxSubmissionFiles = 10_000
	maxGoFileBytes     = 2 << 20
	maxNameBytes       = 1000
	maxNamePartBytes   = 200
	// maxRatio is how many times larger than its archive a submission may be once it
	// is larger than a megabyte. Sources compress three to ten times.
	maxRatio = 100
)

// Rejection is why a submission is not graded, in one line.
type Rejection struct {
	Reason string
}

// Error returns the reason.
func (r *Rejection) Error() string { return r.Reason }

func rejectf(format string, args ...any) error {
	return &Rejection{Reason: fmt.Sprintf(format, args...)}
}

// Submission is what was taken from a directory or an archive.
type Submission struct {
	// Files are the files that a student may edit, by slash-separated path relative
	// to the course's root.
	Files map[string][]byte
	// Stated is whether the submission has the course's file, and MadeFor is the
	// version of the course that this file states.
	Stated  bool
	MadeFor course.Version
	// EditedTests and EditedOthers are files that the course has and that students
	// may not edit, but that differ. They are ignored.
	EditedTests, EditedOthers []string
	// AddedTests are test files that the course does not have. They are ignored, too.
	AddedTests []string
	// TestMain is whether one of them, edited or added, has a TestMain. It does not run.
	TestMain bool

	digest string // of all Files that are graded
	// broken says of files that do not parse why not: each line begins with the name of
	// one.
	broken []string
}

// Note says what was ignored, "" if nothing was.
func (s *Submission) Note() string {
	var parts []string
	for _, ignored := range []struct {
		files []string
		what  string
	}{{s.EditedTests, "edited test"}, {s.AddedTests, "added test"}, {s.EditedOthers, "other edited file"}} {
		switch n := len(ignored.files); n {
		case 0:
		case 1:
			parts = append(parts, "1 "+ignored.what+" ignored")
		default:
			parts = append(parts, fmt.Sprintf("%d %ss ignored", n, ignored.what))
		}
	}
	if s.TestMain {
		parts = append(parts, "TestMain ignored")
	}
	return strings.Join(parts, ", ")
}

// entry is one thing in a submission.
type entry struct {
	name string // as the submission has it
	kind entryKind
	size int64 // as it says
	// open returns the contents of a file. It may be called until the next entry.
	open func() (io.ReadCloser, error)
}

type entryKind int

const (
	fileEntry entryKind = iota
	dirEntry
	otherEntry // link, device and the like
)

// ReadSubmission reads a directory or an archive (.zip, .tar, .tar.gz, .tgz).
// Nothing of it is written anywhere. The error is a *Rejection if it is the
// submission's fault.
//
// The course's files may be at the top or, as archivers like to have it, below a
// single folder.
func ReadSubmission(c *course.Course, name string) (*Submission, error) {
	info, err := os.Stat(name)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, rejectf("there is no such file or directory")
		}
		return nil, rejectf("cannot be read: %v", underlying(err))
	}
	each := reader(name)
	switch {
	case info.IsDir():
		each = eachInDir
	case !info.Mode().IsRegular():
		return nil, rejectf("is neither a directory nor an archive")
	case each == nil:
		return nil, rejectf("is neither a directory nor a .zip, .tar, .tar.gz or .tgz archive")
	}
	in := &intake{course: c, files: map[string][]byte{}}
	if err := each(name, in.add); err != nil {
		var rejection *Rejection
		if stderrors.As(err, &rejection) {
			return nil, rejection
		}
		return nil, rejectf("cannot be read: %v", underlying(err))
	}
	return in.submission()
}

// reader returns the function that reads an archive of such a name, or nil.
func reader(name string) func(string, func(entry) error) error {
	lower := strings.ToLower(name)
	switch {
	case strings.HasSuffix(lower, ".zip"):
		return eachInZip
	case strings.HasSuffix(lower, ".tar"):
		return eachInTar
	case strings.HasSuffix(lower, ".tar.gz"), strings.HasSuffix(lower, ".tgz"):
		return eachInTarGz
	}
	return nil
}

// isArchive reports whether a file of such a name can be a submission.
func isArchive(name string) bool { return reader(name) != nil }

// underlying strips the path from an error, because the row names it already.
func underlying(err error) error {
	var pe *fs.PathError
	if stderrors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// intake gathers the files of a submission that could matter, wherever its root
// turns out to be.
type intake struct {
	course *course.Course
	files  map[string][]byte // the contents of those that are wanted
	names  []string          // of all files
	count  int
	bytes  int64
}

func (in *intake) add(e entry) error {
	if err := checkName(e.name); err != nil {
		return err
	}
	if in.count++; in.count > maxSubmissionFiles {
		return rejectf("holds more than %d files", maxSubmissionFiles)
	}
	switch e.kind {
	case dirEntry:
		return nil
	case otherEntry:
		return rejectf("%s is a link or a device; only plain files are accepted", quoteName(e.name))
	}
	if e.size < 0 || e.size > maxSubmissionBytes || in.bytes+e.size > maxSubmissionBytes {
		return rejectf("is larger than %d MB when unpacked", maxSubmissionBytes>>20)
	}
	in.bytes += e.size
	name := path.Clean(strings.TrimPrefix(e.name, "./"))
	if slices.Contains(strings.Split(name, "/"), ".git") || strings.HasPrefix(name, "__MACOSX/") {
		return nil
	}
	in.names = append(in.names, name)
	if !wanted(name) {
		return nil
	}
	if _, ok := in.files[name]; ok {
		return rejectf("holds %s twice", quoteName(name))
	}
	r, err := e.open()
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxGoFileBytes+1))
	if err != nil {
		return err
	}
	if len(data) > maxGoFileBytes {
		return rejectf("%s is larger than %d MB", quoteName(name), maxGoFileBytes>>20)
	}
	in.files[name] = data
	return nil
}

// wanted reports whether the contents of a file may matter: for the grade or,
// where the course has such a file, for the note that it was edited.
func wanted(name string) bool {
	switch path.Ext(name) {
	case ".go", ".mod", ".yaml":
		return true
	}
	return path.Base(name) == "Makefile"
}

// checkName rejects names that could lead out of a folder or hide what they are.
func checkName(name string) error {
	clean := strings.TrimSuffix(name, "/")
	switch {
	case strings.HasPrefix(name, "/") || strings.HasPrefix(name, `\`) || len(name) > 1 && name[1] == ':':
		return rejectf("%s is an absolute path", quoteName(name))
	case slices.Contains(strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' }), ".."):
		return rejectf("%s leads out of the submission", quoteName(name))
	case strings.Contains(name, `\`) || strings.ContainsFunc(name, unicode.IsControl) || !fs.ValidPath(path.Clean(clean)):
		return rejectf("%s is not a valid file name", quoteName(name))
	case len(name) > maxNameBytes || slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return len(part) > maxNamePartBytes }):
		return rejectf("%s has a name that is too long: %d bytes, and %d between slashes, are accepted", quoteName(name), maxNameBytes, maxNamePartBytes)
	}
	return nil
}

func quoteName(name string) string { return fmt.Sprintf("%.200q", name) }

// submission finds the root and keeps what is below it.
func (in *intake) submission() (*Submission, error) {
	if len(in.names) == 0 {
		return nil, rejectf("is empty")
	}
	all := slices.Clone(in.names)
	root := in.root()
	s := &Submission{Files: map[string][]byte{}}
	var foreign []string
	for _, full := range in.names {
		name, ok := strings.CutPrefix(full, root)
		if !ok {
			continue
		}
		if dir := path.Dir(name); slices.Contains(in.course.EditDirs(), dir) && isForeignCode(name) {
			foreign = append(foreign, name)
		}
		data, ok := in.files[full]
		if !ok {
			continue
		}
		if in.course.Editable(name) {
			s.Files[name] = data
			continue
		}
		if name == course.FileName {
			s.Stated, s.MadeFor = true, course.VersionOf(data)
		}
		edited, ours := in.edited(name, data)
		isTest := strings.HasSuffix(name, "_test.go")
		switch {
		case ours && !edited, !ours && !isTest:
			continue
		case !ours:
			s.AddedTests = append(s.AddedTests, name)
		case isTest:
			s.EditedTests = append(s.EditedTests, name)
		default:
			s.EditedOthers = append(s.EditedOthers, name)
		}
		s.TestMain = s.TestMain || isTest && bytes.Contains(data, []byte("\nfunc TestMain("))
	}
	if len(foreign) > 0 {
		slices.Sort(foreign)
		return nil, rejectf("%s: only Go is accepted here, no assembly or C", foreign[0])
	}
	if len(s.Files) == 0 {
		none := fmt.Sprintf("holds none of the files that a student edits (Go files in %s)", strings.Join(in.course.EditDirs(), ", "))
		if inner := slices.IndexFunc(all, isArchive); inner >= 0 {
			none += fmt.Sprintf(", but an archive, %s: name that one, or unpack it", quoteName(all[inner]))
		}
		return nil, &Rejection{join(s.versionNote(in.course), none)}
	}
	if s.Stated && s.MadeFor != in.course.Version {
		// They differ, and not because of an edit.
		s.EditedTests, s.EditedOthers, s.AddedTests, s.TestMain = nil, nil, nil, false
	}
	slices.Sort(s.EditedTests)
	slices.Sort(s.EditedOthers)
	slices.Sort(s.AddedTests)
	return s, nil
}

// edited reports whether data is neither what the tree has under that name nor what a handout
// has, and whether one of them has such a file at all.
func (in *intake) edited(name string, data []byte) (edited, ours bool) {
	for _, dir := range []string{"", in.course.Handout.Files} {
		text, err := os.ReadFile(filepath.Join(in.course.Root, filepath.FromSlash(dir), filepath.FromSlash(name)))
		if err != nil {
			continue
		}
		if ours = true; sameText(text, data) {
			return false, true
		}
	}
	return ours, ours
}

// root returns the prefix of all names that belong to the course: the shortest
// chain of only folders below which a file is one that a student may edit.
func (in *intake) root() string {
	root := ""
	for range 8 {
		top := ""
		several := false
		for _, full := range in.names {
			name := strings.TrimPrefix(full, root)
			if in.course.Editable(name) {
				return root
			}
			first, _, nested := strings.Cut(name, "/")
			if !nested {
				continue // a file beside the folder, such as a note or .DS_Store
			}
			if top != "" && top != first {
				several = true
			}
			top = first
		}
		if several || top == "" {
			return root
		}
		next := root + top + "/"
		in.names = slices.DeleteFunc(in.names, func(n string) bool { return !strings.HasPrefix(n, next) })
		root = next
	}
	return root
}

// isForeignCode reports whether the go command would build a file of an edited
// directory although it is not Go.
func isForeignCode(name string) bool {
	switch path.Ext(name) {
	case ".s", ".S", ".sx", ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".m", ".f", ".F", ".for", ".f90", ".swig", ".swigcxx", ".syso":
		return true
	}
	return false
}

// sameText compares texts that may have been through Windows.
func sameText(a, b []byte) bool {
	crlf, lf := []byte("\r\n"), []byte("\n")
	return bytes.Equal(bytes.ReplaceAll(a, crlf, lf), bytes.ReplaceAll(b, crlf, lf))
}
