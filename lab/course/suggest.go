package course

import "strings"

// closest returns the name that word is most likely a slip for, in either case:
// one that it begins, or else the one that the fewest edits make of it. It
// returns "" if no name is close. Of several the first counts.
func closest(word string, names []string) string {
	word = strings.ToLower(word)
	best, least := "", len(word)/3+1 // so many edits make another word
	for _, name := range names {
		lower := strings.ToLower(name)
		if len(word) >= 3 && strings.HasPrefix(lower, word) {
			return name
		}
		if n := edits(word, lower); n < least {
			best, least = name, n
		}
	}
	return best
}

// edits returns how many bytes have to be inserted, removed or replaced to make
// b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1) // from the first i bytes of a to the first j of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// didYouMean returns the end of an error about a word that is none of names.
func didYouMean(word string, names []string) string {
	if name := closest(word, names); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}
