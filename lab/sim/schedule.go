package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/dice"
)

// A Schedule is everything that decides a run but the system: the seed, the
// setting, and what goes wrong when. It is data, so it can be printed, read back,
// and run again with a fault less.
type Schedule struct {
	Seed    uint64
	Setting Setting
	// Faults are in the order of their beginnings. Those that begin at the end of
	// the span make the core phase.
	Faults []Fault
}

// String returns the schedule, one thing per line.
func (s Schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed=%d %s", s.Seed, s.Setting)
	for _, f := range s.Faults {
		b.WriteString("\n" + f.String())
	}
	return b.String()
}

// MakeSchedule makes the schedule of a seed for a scenario.
func MakeSchedule(sc *Scenario, seed uint64) Schedule {
	s := Schedule{Seed: seed, Setting: drawSetting(dice.NewDrawer(dice.Dice(seed), askSetting, 0), sc)}
	if sc.Nemesis != nil {
		s.Faults = sc.Nemesis(dice.NewDrawer(dice.Dice(seed), askFault, 0), s.Setting)
	}
	for i := range s.Faults {
		f := &s.Faults[i]
		// Faults have the precision with which they are printed.
		f.From = f.From.Round(time.Millisecond)
		f.Until = min(f.Until.Round(time.Millisecond), s.Setting.Span)
	}
	// What began at the end would be one of the core phase.
	s.Faults = slices.DeleteFunc(s.Faults, func(f Fault) bool { return f.From >= s.Setting.Span })
	slices.SortStableFunc(s.Faults, func(a, b Fault) int { return cmp.Compare(a.From, b.From) })
	if !sc.NoCore {
		s.Faults = append(s.Faults, coreFaults(dice.NewDrawer(dice.Dice(seed), askCore, 0), s.Setting)...)
	}
	for i := range s.Faults {
		s.Faults[i].ID = i + 1
	}
	return s
}

// ParseSchedule reads what Schedule.String has written. Empty lines, and what
// follows a ';' in a line, do not count.
func ParseSchedule(text string) (Schedule, error) {
	var s Schedule
	first := true
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, ";")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		var err error
		if first {
			err = s.parseSetting(words)
			first = false
		} else {
			var f Fault
			f, err = parseFault(words)
			s.Faults = append(s.Faults, f)
		}
		if err != nil {
			return Schedule{}, errors.Annotatef(err, "schedule, line %d", n+1)
		}
	}
	if first {
		return Schedule{}, errors.New("schedule: empty; its first line is the setting")
	}
	return s, nil
}

func (s *Schedule) parseSetting(words []string) error {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "seed":
			s.Seed, err = strconv.ParseUint(value, 10, 64)
		case "stores":
			s.Setting.Stores, err = strconv.Atoi(value)
		case "beside":
			s.Setting.Beside, err = parseFleets(value)
		case "clients":
			s.Setting.Clients, err = strconv.Atoi(value)
		case "tick":
			s.Setting.Tick, err = time.ParseDuration(value)
		case "latency":
			low, high, _ := strings.Cut(value, "..")
			s.Setting.LatencyMin, err = time.ParseDuration(low)
			if err == nil {
				s.Setting.LatencyMax, err = time.ParseDuration(high)
			}
		case "slow-work":
			s.Setting.SlowWork, err = time.ParseDuration(value)
		case "disk":
			s.Setting.Disk, err = time.ParseDuration(value)
		case "reorder":
			s.Setting.Reorder, err = strconv.ParseBool(value)
		case "reports-loss":
			s.Setting.ReportsLoss, err = strconv.ParseBool(value)
		case "span":
			s.Setting.Span, err = time.ParseDuration(value)
		default:
			err = errors.Errorf("unknown setting %q", key)
		}
		if err != nil {
			return errors.Annotate(err, word)
		}
	}
	return nil
}

// parseFault reads a fault. Each of its words shows by its form what it is.
func parseFault(words []string) (Fault, error) {
	var f Fault
	if len(words) < 2 {
		return f, errors.Errorf("%q is no fault: a time and a kind are the least", strings.Join(words, " "))
	}
	from, until, _ := strings.Cut(words[0], "-")
	var err error
	if f.From, err = time.ParseDuration(from); err != nil {
		return f, errors.Trace(err)
	}
	if f.Until, err = time.ParseDuration(until); err != nil {
		return f, errors.Trace(err)
	}
	f.Kind = FaultKind(words[1])
	if !slices.Contains(kinds, f.Kind) {
		return f, errors.Errorf("unknown fault %q", words[1])
	}
	for _, word := range words[2:] {
		if err := f.parseWord(word); err != nil {
			return f, errors.Annotate(err, word)
		}
	}
	return f, nil
}

func (f *Fault) parseWord(word string) (err error) {
	switch {
	case word == "leader":
		f.Who = TheLeader
	case word == "follower":
		f.Who = AFollower
	case strings.HasPrefix(word, "role:"):
		f.Role = Role(word[len("role:"):])
	case strings.HasPrefix(word, "region:"):
		f.Region, err = strconv.Atoi(word[len("region:"):])
	case strings.Contains(word, ":"):
		role, id, _ := strings.Cut(word, ":")
		if Role(role) != Store {
			f.Role = Role(role)
		}
		f.Who, err = strconv.Atoi(id)
	case strings.HasPrefix(word, "{"):
		a, b, _ := strings.Cut(word, "|")
		if f.Sides[0], err = parseIDs(a); err == nil {
			f.Sides[1], err = parseIDs(b)
		}
	case strings.HasSuffix(word, "%"):
		f.Share, err = strconv.ParseFloat(strings.TrimSuffix(word, "%"), 64)
		f.Share /= 100
	case strings.HasPrefix(word, "#"):
		f.Count, err = strconv.Atoi(word[1:])
	case strings.HasPrefix(word, "("):
		f.ID, err = strconv.Atoi(strings.Trim(word, "()"))
	case slices.Contains(pointNames, word):
		f.Point = Point(slices.Index(pointNames, word))
	default:
		f.Delay, err = time.ParseDuration(word)
	}
	return errors.Trace(err)
}

func parseIDs(text string) ([]uint64, error) {
	inner, found := strings.CutPrefix(text, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	if !found || !closed {
		return nil, errors.Errorf("%q is no list of stores like {1,2}", text)
	}
	if inner == "" {
		return nil, nil
	}
	var ids []uint64
	for _, part := range strings.Split(inner, ",") {
		id, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return nil, errors.Trace(err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
