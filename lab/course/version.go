package course

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/pingcap/errors"
)

// Version numbers a course, as students meet it. A handout carries the version that
// it was made of in its own course.yaml, and a submission brings that file along.
//
// Major grows with each change after which a solution that was written before may not
// build, or not mean the same: of a signature, a contract, a package that students
// write. Minor grows with any other change that students notice, such as a new test.
// A date would say when a handout was made, and not whether that matters.
//
// The zero Version stands for every handout that was made before there were versions.
type Version struct {
	Major, Minor int
}

// String returns "1.2", and "0.x" for the zero Version.
func (v Version) String() string {
	if v == (Version{}) {
		return "0.x"
	}
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

var versionText = regexp.MustCompile(`^([1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$`)

// ParseVersion reads a version such as 1.2.
func ParseVersion(text string) (Version, error) {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return Version{}, errors.Errorf("version %q: write two numbers, like 1.2", text)
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return Version{major, minor}, nil
}

var versionLine = regexp.MustCompile(`(?m)^version:[ \t]*["']?([0-9.]+)`)

// VersionOf returns the version that a course.yaml states, whatever else is in it: it
// may be of a course that this package cannot read. The zero Version is the answer if
// the file states none.
func VersionOf(data []byte) Version {
	m := versionLine.FindSubmatch(data)
	if m == nil {
		return Version{}
	}
	v, err := ParseVersion(string(m[1]))
	if err != nil {
		return Version{}
	}
	return v
}
