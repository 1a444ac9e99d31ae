package course

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/errors"
)

// Policy says how a platform for courses shows results and counts attempts. Its file has
// no field that must be there:
//
//	time: 9m                        # after which the tests that have ended count (default 9m)
//	regrade: best                   # of several submissions, the best or the latest counts (default latest)
//	hidden:                         # tests that handouts do not contain
//	  visibility: after_due_date    # or after_published, hidden, visible (default after_due_date)
//	  attempts: 3                   # submissions that run them (default: all)
//	  every: 24h                    # after which an attempt comes back (default: never)
type Policy struct {
	Time       time.Duration
	Best       bool
	Visibility string // of hidden tests, in Gradescope's words
	Attempts   int    // 0: unlimited
	Every      time.Duration
}

// DefaultPolicy is the policy of a file that says nothing. Its time fits into the ten
// minutes that Gradescope gives unless it is told otherwise.
func DefaultPolicy() Policy {
	return Policy{Time: 9 * time.Minute, Visibility: "after_due_date"}
}

// Visibilities are when a platform shows a test.
var Visibilities = []string{"visible", "after_due_date", "after_published", "hidden"}

type policyYAML struct {
	Time    text
	Regrade text
	Hidden  struct {
		Visibility text
		Attempts   *located[int64]
		Every      text
	}
}

// LoadPolicy reads the policy in a file.
func LoadPolicy(name string) (Policy, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return Policy{}, errors.Annotate(err, "read policy")
	}
	return ParsePolicy(name, data)
}

// ParsePolicy reads a policy. name is what errors call it.
func ParsePolicy(name string, data []byte) (Policy, error) {
	p := &loader{}
	var y policyYAML
	if err := decodeStrict(data, &y); err != nil {
		p.yamlProblems(err)
		return Policy{}, p.err(name)
	}
	policy := DefaultPolicy()
	p.positive("time", y.Time, &policy.Time)
	p.positive("every", y.Hidden.Every, &policy.Every)
	switch y.Regrade.value {
	case "", "latest":
	case "best":
		policy.Best = true
	default:
		p.problem(y.Regrade.line, "regrade is %q, and should be latest or best", y.Regrade.value)
	}
	if v := y.Hidden.Visibility; v.line > 0 {
		if policy.Visibility = v.value; !slices.Contains(Visibilities, v.value) {
			p.problem(v.line, "visibility is %q, and should be one of %s%s", v.value, strings.Join(Visibilities, ", "), DidYouMean(v.value, Visibilities))
		}
	}
	if a := y.Hidden.Attempts; a != nil {
		if policy.Attempts = int(a.value); a.value < 1 {
			p.problem(a.line, "attempts is %d, and should be at least 1; without it there is no limit", a.value)
		}
	} else if every := y.Hidden.Every; every.line > 0 {
		p.problem(every.line, "every says when an attempt comes back, and there is no limit of attempts")
	}
	return policy, p.err(name)
}

// positive reads a duration into d, if there is one.
func (p *loader) positive(field string, t text, d *time.Duration) {
	if t.line == 0 {
		return
	}
	value, err := time.ParseDuration(t.value)
	if err != nil || value <= 0 {
		p.problem(t.line, "%s is %q, and should be a positive time such as 9m or 24h", field, t.value)
		return
	}
	*d = value
}

// String says what the policy does about hidden tests, in one sentence for students.
func (p Policy) String() string {
	switch {
	case p.Attempts == 0:
		return ""
	case p.Every > 0:
		return fmt.Sprintf("Hidden tests run with %d submissions in %s.", p.Attempts, p.Every)
	}
	return fmt.Sprintf("Hidden tests run with %d submissions.", p.Attempts)
}
