package graded

import "fmt"

// A Goal is a situation that some run of a test must get into: runs of a test
// about crashes show nothing of a solution under which no store ever crashes.
// One run need not reach every goal, so only all runs of a test together can
// miss one.
type Goal struct {
	Text    string `json:"text"` // a clause in the past tense: "a store crashed"
	Reached bool   `json:"reached"`
}

// Goal states a goal of the test that t runs, and whether this run reached it.
// Every run of the test states the same goals.
func (t *T) Goal(text string, reached bool) {
	t.record.mu.Lock()
	defer t.record.mu.Unlock()
	t.record.goals = mergeGoal(t.record.goals, Goal{Text: text, Reached: reached})
}

// mergeGoal adds g to goals, in which each text occurs once.
func mergeGoal(goals []Goal, g Goal) []Goal {
	for i := range goals {
		if goals[i].Text == g.Text {
			goals[i].Reached = goals[i].Reached || g.Reached
			return goals
		}
	}
	return append(goals, g)
}

// MissedGoal says which goal no run of a test reached, given the goals of each of
// its runs: the first of them in the order of the test. ok is false if there is
// none.
func MissedGoal(runs [][]Goal) (reason string, ok bool) {
	var all []Goal
	for _, goals := range runs {
		for _, g := range goals {
			all = mergeGoal(all, g)
		}
	}
	for _, g := range all {
		if !g.Reached {
			return fmt.Sprintf("the test never got to what it is about: in none of its %d runs did this happen: %s", len(runs), g.Text), true
		}
	}
	return "", false
}

// GoalAdvice is the section of a failure that explains a missed goal.
var GoalAdvice = Section{
	Name: "why",
	Text: "the faults of these runs are made to bring this about, and they do with every\n" +
		"solution that works as the guide says. One that never gets there does this\n" +
		"work at another time or in another place, or not at all",
}
