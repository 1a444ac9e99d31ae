package grade_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/grade"
)

// part returns what the one match of a pattern's group is.
func part(t *testing.T, text, pattern string) string {
	t.Helper()
	all := regexp.MustCompile(`(?s)`+pattern).FindAllStringSubmatch(text, -1)
	require.Len(t, all, 1, pattern)
	return all[0][1]
}

// textsOf unpacks what a page has to be read about each submission.
func textsOf(t *testing.T, page string) []struct {
	Lines []struct {
		Letter, Text string
		Tests        []int
	}
	Long []struct{ Heading, Text string }
} {
	// As browsers read it: entities mean nothing in a script element.
	packed, err := base64.StdEncoding.DecodeString(part(t, page, `<script type="application/gzip" id=texts>(.*?)</script>`))
	require.NoError(t, err)
	unpack, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	data, err := io.ReadAll(unpack)
	require.NoError(t, err)
	var texts []struct {
		Lines []struct {
			Letter, Text string
			Tests        []int
		}
		Long []struct{ Heading, Text string }
	}
	require.NoError(t, json.Unmarshal(data, &texts))
	return texts
}

func TestGradesPage(t *testing.T) {
	g := classOf(t, "ann", "ben")
	for _, result := range g.Rows[0].Report.Results() {
		result.Status = grade.Passed
	}
	page := string(written(t, g.WriteHTML))

	rows := regexp.MustCompile(`<tr id="m(\d)"><th scope=row><a href="#s(\d)">(\w+)</a><td class=o data-v="([0-9.]+)">([0-9.]+)<td class=g data-r="(\w+)">([0-9.]+)<td class=g data-r="(\w+)">([0-9.]+)`).FindAllStringSubmatch(page, -1)
	require.Len(t, rows, 3)
	require.Equal(t, []string{"0", "0", "ann", "15.0000", "15", "pp", "10", "ppp", "5"}, rows[0][1:])
	require.Equal(t, []string{"1", "1", "ben", "7.5000", "7.5", "pf", "7.5", "nst", "0"}, rows[1][1:])
	require.Equal(t, []string{"2", "2", "dora", "0.0000", "0", "rr", "0", "rrr", "0"}, rows[2][1:])
	require.Equal(t, 2, strings.Count(page, "<th scope=colgroup"))
	require.Equal(t, 5, strings.Count(page, "<th scope=col class=test"))
	for i := range rows {
		require.Contains(t, page, `<details id="s`+rows[i][1]+`"`, "what the link leads to")
	}

	claims := part(t, page, `<h2 id=claims>(.*?)</section>`)
	require.Contains(t, claims, "Sum adds up | exactly")
	require.Contains(t, claims, "the &lt;counter&gt; contract")
	require.Contains(t, claims, "1 of 2 (50 %)", "a test that is not written is not counted")
	require.Contains(t, page, "rejected")

	texts := textsOf(t, page)
	require.Empty(t, texts[0].Lines)
	require.Equal(t, "f", texts[1].Lines[0].Letter)
	require.Equal(t, "failed, seed 12: the count is 11", texts[1].Lines[0].Text)
	require.Equal(t, []int{1}, texts[1].Lines[0].Tests)
	require.Len(t, texts[1].Long, 2)
	require.Contains(t, texts[1].Long[0].Text, "make replay TEST=TestAddSeeds1 SEED=12")
	require.Empty(t, texts[2].Long)
}

// Causes that several submissions have are in the order of how many have them.
func TestPageGroupsCauses(t *testing.T) {
	g := classOf(t, "ann", "ben", "carl")
	alone := g.Rows[0].Report.Results()[1]
	alone.At, alone.Reason = "", "something else"
	page := string(written(t, g.WriteHTML))
	causes := part(t, page, `<ol class=causes>(.*?)</section>`)
	found := regexp.MustCompile(`class=found>(.*?)</p>`).FindAllStringSubmatch(causes, -1)
	require.Len(t, found, 2)
	require.Equal(t, "no verdict within 1m", found[0][1])
	require.Equal(t, "the count is 11 (counter/counter.go:15)", found[1][1])
	require.Contains(t, causes, "fails at the same place · 2 submissions · TestAddSeeds1")
	require.Contains(t, causes, `<a href="#s1">ben</a> <a href="#s2">carl</a>`)
	require.Contains(t, causes, "And 1 more")
}

// Equal grades are equal pages, which load nothing: the policy of the page names the one
// style and the one script that it has.
func TestPageStandsAlone(t *testing.T) {
	page := written(t, classOf(t, "ann", "ben").WriteHTML)
	require.Equal(t, page, written(t, classOf(t, "ann", "ben").WriteHTML))
	text := string(page)
	policy := html.UnescapeString(part(t, text, `<meta http-equiv=Content-Security-Policy content="([^"]*)">`))
	for directive, pattern := range map[string]string{"style-src": `<style>(.*?)</style>`, "script-src": `<script>(.*?)</script>`} {
		sum := sha256.Sum256([]byte(part(t, text, pattern)))
		require.Contains(t, policy, directive+" 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	}
	require.True(t, strings.HasPrefix(policy, "default-src 'none'; "))
	require.NotRegexp(t, `(?i)https?:|\ssrc=|<link|<iframe|@import|url\(|<[a-z][^>]* (on[a-z]+|style)=`, text)
	require.Regexp(t, `<html lang=en>`, text)
}

// Nothing that a submission says becomes markup.
func TestPageEscapes(t *testing.T) {
	hostile := `"><script>alert(1)</script><img src=x onerror=alert(1)>' {{.}} javascript:alert(1)`
	g := classOf(t, hostile, hostile)
	for _, row := range g.Rows {
		row.Note = hostile
		if row.Report == nil {
			continue
		}
		for _, result := range row.Report.Results() {
			result.Reason, result.At = hostile, hostile
			result.Claim.Text, result.Claim.Source = hostile, hostile
			for i := range result.Sections {
				result.Sections[i].Text = "</script>" + hostile
			}
		}
	}
	g.Enforced = hostile
	plain := string(written(t, classOf(t, "ann", "ben").WriteHTML))
	for _, write := range []func(io.Writer) error{g.WriteHTML, g.Rows[0].Report.WriteHTML} {
		page := string(written(t, write))
		require.NotContains(t, page, "<img")
		require.NotContains(t, page, "<script>alert")
		require.NotContains(t, page, `href="javascript`)
		require.Equal(t, strings.Count(plain, "<script"), strings.Count(page, "<script"))
		require.Contains(t, page, "&lt;script&gt;alert(1)&lt;/script&gt;")
	}
}

func TestReportPage(t *testing.T) {
	report := sample(t)
	report.Quick = true
	page := string(written(t, report.WriteHTML))
	require.Contains(t, page, "Quick run, not a grade: 3 seeds a test.")
	require.Contains(t, page, `<dt>score<dd>7.5<small>/15</small>`)
	require.NotContains(t, page, "id=find")
	require.Len(t, textsOf(t, page), 1)
}
