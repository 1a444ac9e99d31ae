package client

// MaxCalls is the number of questions that wait for an answer at most.
const MaxCalls = maxCalls
