package grade

import (
	"fmt"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
)

// versionNote is the sentence about a submission that was made for another version of
// the course than c, "" if it was not or does not say.
func (s *Submission) versionNote(c *course.Course) string {
	if !s.Stated || s.MadeFor == c.Version {
		return ""
	}
	note := fmt.Sprintf("made for version %s of the course, this is version %s", s.MadeFor, c.Version)
	switch {
	case s.MadeFor.Major < c.Version.Major:
		note += ": get the handout of that version and move your functions into it, see doc/getting-started.md#a-new-version-of-the-course"
	case s.MadeFor.Major > c.Version.Major:
		note += ": grade it with that version"
	}
	return note
}

// buildReason is why a submission may not build although nothing in it is wrong, ""
// if it is of this version.
func (s *Submission) buildReason(c *course.Course) string {
	switch {
	case !s.Stated:
		return fmt.Sprintf("A possible reason: it has no %s that says for which version of the course it was made; this is version %s.", course.FileName, c.Version)
	case s.MadeFor.Major != c.Version.Major:
		return "The likely reason: " + s.versionNote(c) + "."
	}
	return ""
}

// explainVersion puts a reason above what the compiler said about packages that do not
// build.
func (r *Report) explainVersion(reason string) {
	if reason == "" {
		return
	}
	for _, result := range r.Results() {
		if result.Status == NotBuilt {
			result.Sections = append([]graded.Section{{Name: "reason", Text: reason}}, result.Sections...)
		}
	}
}
