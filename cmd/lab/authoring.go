package main

// Commands for those who hand the course out, grade it and change it. A handout
// has neither this file nor those of the commands.
func init() {
	authoring = append(authoring, (*app).handoutCommand, (*app).gradeCommand, (*app).mergeCommand, (*app).verifyCommand,
		(*app).diagnoseCommand, (*app).autograderCommand, (*app).mutantsCommand, (*app).variantsCommand)
}
