package course

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/errors"
)

// maxSeeds bounds a list of seeds, so that a slip like "1-99999999999" is an error
// instead of filling the memory.
const maxSeeds = 1_000_000

// ParseSeeds reads a list of seeds such as "1-20" or "3,17,40-45" and returns it
// in ascending order, without repeats. Seeds are positive.
func ParseSeeds(list string) ([]uint64, error) {
	var seeds []uint64
	for _, part := range strings.Split(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		lo, err := parseSeed(first)
		if err != nil {
			return nil, err
		}
		hi := lo
		if isRange {
			if hi, err = parseSeed(last); err != nil {
				return nil, err
			}
		}
		if hi < lo {
			return nil, errors.Errorf("seeds %q run backwards", part)
		}
		if hi-lo >= maxSeeds || len(seeds)+int(hi-lo) >= maxSeeds {
			return nil, errors.Errorf("seeds %q are more than %d", list, maxSeeds)
		}
		for s := lo; ; s++ {
			seeds = append(seeds, s)
			if s == hi {
				break
			}
		}
	}
	slices.Sort(seeds)
	return slices.Compact(seeds), nil
}

func parseSeed(text string) (uint64, error) {
	seed, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil || seed == 0 {
		return 0, errors.Errorf("seed %q is not a positive number (write seeds like 1-20 or 3,17)", text)
	}
	return seed, nil
}

// FormatSeeds is the inverse of ParseSeeds for seeds in ascending order.
func FormatSeeds(seeds []uint64) string {
	var b strings.Builder
	for i := 0; i < len(seeds); {
		j := i
		for j+1 < len(seeds) && seeds[j+1] == seeds[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(seeds[i], 10))
		if j > i {
			b.WriteByte('-')
			b.WriteString(strconv.FormatUint(seeds[j], 10))
		}
		i = j + 1
	}
	return b.String()
}
