package grade

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The JUnit form, as the Ant task writes it and as CI systems and platforms for
// courses read it: a suite per stage, a case per test. Counts and times repeat
// what is below them, since readers differ in what they look at.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		ID         int             `xml:"id,attr"`
		Name       string          `xml:"name,attr"`
		Package    string          `xml:"package,attr"`
		Hostname   string          `xml:"hostname,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Properties junitProperties `xml:"properties"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out"`
		Err        string          `xml:"system-err"`
	}
	junitProperties struct {
		Properties []junitProperty `xml:"property"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		Time      string        `xml:"time,attr"`
		Skipped   *struct{}     `xml:"skipped"`
		Failure   *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"` // a Status
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit XML.
func (r *Report) WriteJUnit(w io.Writer) error {
	return encodeJUnit(w, r.junit(""))
}

func encodeJUnit(w io.Writer, suites []junitSuite) error {
	for i := range suites {
		suites[i].ID = i
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{Suites: suites}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junit returns the suites, named with a prefix such as a submission's name.
func (r *Report) junit(prefix string) []junitSuite {
	var suites []junitSuite
	for _, s := range r.Stages {
		score := s.Score()
		suite := newJUnitSuite(prefix + s.Stage.ID)
		suite.Package = r.Course.Module
		suite.Time = junitTime(s.Elapsed())
		suite.Properties.Properties = []junitProperty{
			{"course", r.Course.Name()},
			{"title", s.Stage.Title},
			{"score", FormatPoints(score.Earned)},
			{"points", FormatPoints(score.Points)},
		}
		if r.Quick {
			suite.Properties.Properties = append(suite.Properties.Properties, junitProperty{"quick", "true"})
		}
		for _, result := range s.Results {
			c := junitCase{
				Name:      result.Test.Name,
				Classname: prefix + strings.ReplaceAll(result.Test.Package, "/", "."),
				Time:      junitTime(result.Elapsed),
			}
			suite.Tests++
			switch result.Status {
			case Passed:
			case Skipped:
				suite.Skipped++
				c.Skipped = &struct{}{}
			default:
				suite.Failures++
				c.Failure = &junitFailure{
					Message: result.Found(),
					Type:    string(result.Status),
					Text:    result.Failure().String(),
				}
			}
			suite.Cases = append(suite.Cases, c)
		}
		suites = append(suites, suite)
	}
	return suites
}

func newJUnitSuite(name string) junitSuite {
	return junitSuite{
		Name:      name,
		Hostname:  "localhost", // required, and the same everywhere
		Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05"),
		Time:      junitTime(0),
	}
}

func junitTime(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
