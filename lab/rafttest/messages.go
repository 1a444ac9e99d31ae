package rafttest

import (
	"fmt"
	"slices"

	"github.com/labkv/labkv/lab/fold"
	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A line is one message as a report of a failure shows it. What comes before the text
// does not make two lines different.
type line struct {
	before string // when it was
	text   string
	kind   pb.MessageType
}

func (l line) String() string { return l.before + l.text }

func (l line) isBeat() bool {
	return l.kind == pb.MessageType_MsgHeartbeat || l.kind == pb.MessageType_MsgHeartbeatResponse
}

// longestCycle bounds the messages of an exchange that is found to repeat.
const longestCycle = 8

// shown returns the last lines, at most keep of them and never without the very last,
// after heartbeats in a row and exchanges that repeat were brought down to one line.
func shown(lines []line, keep int) []string {
	var short []line
	for i := 0; i < len(lines); {
		n, beats := 0, 0
		for i+n < len(lines)-1 && lines[i+n].isBeat() {
			if lines[i+n].kind == pb.MessageType_MsgHeartbeat {
				beats++
			}
			n++
		}
		const worthwhile = 3
		switch {
		case n < worthwhile:
			n = max(n, 1)
			short = append(short, lines[i:i+n]...)
		case beats == 0:
			short = append(short, line{text: fmt.Sprintf("… %d answers to heartbeats", n)})
		case beats == n:
			short = append(short, line{text: fmt.Sprintf("… %d heartbeats", n)})
		default:
			short = append(short, line{text: fmt.Sprintf("… %d heartbeats and answers to them", n)})
		}
		i += n
	}
	texts := make([]string, len(short))
	for i, l := range short {
		texts[i] = l.text
	}
	var all []string
	for _, r := range fold.Runs(texts, longestCycle) {
		for _, l := range short[r.From : r.From+r.Length] {
			all = append(all, l.String())
		}
		switch {
		case r.Times == 1:
		case r.Length == 1:
			all = append(all, "… the same "+more(r.Times-1))
		default:
			all = append(all, fmt.Sprintf("… these %d again, %s", r.Length, more(r.Times-1)))
		}
	}
	if left := len(all) - keep; left > 0 {
		all = slices.Insert(all[left:], 0, "(earlier messages left out)")
	}
	return all
}

func more(times int) string {
	if times == 1 {
		return "once more"
	}
	return fmt.Sprintf("%d more times", times)
}

// counted returns the texts of lines, each once, with how often it comes.
func counted(lines []line) []string {
	times := map[string]int{}
	var texts []string
	for _, l := range lines {
		if times[l.text]++; times[l.text] == 1 {
			texts = append(texts, l.text)
		}
	}
	for i, text := range texts {
		texts[i] = fmt.Sprintf("%s  (%d of the last %d)", text, times[text], len(lines))
	}
	return texts[:min(len(texts), longestCycle)]
}

// cycle returns the messages that lines end with again and again, and how often; none
// if these are fewer than three times.
func cycle(lines []line) (repeated []string, times int) {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.text
	}
	r := fold.Tail(texts, longestCycle)
	if r.Times < 3 {
		return nil, 0
	}
	return texts[r.From : r.From+r.Length], r.Times
}
