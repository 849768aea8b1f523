package campus

// The shape of a statement (Data 2.4) as far as the campus uses it. Lower-case on purpose: readers of
// the generated JSON are to parse it with the product's own types.

type languageMap map[string]string

type extensions map[string]any

type statement struct {
	ID          string       `json:"id"`
	Actor       actor        `json:"actor"`
	Verb        verb         `json:"verb"`
	Object      any          `json:"object"` // activity, actor, reference or subStatement
	Result      *result      `json:"result,omitempty"`
	Context     *context     `json:"context,omitempty"`
	Timestamp   string       `json:"timestamp"`
	Version     string       `json:"version,omitempty"` // clients of 1.0.3 leave it out (Data 2.4.10)
	Attachments []attachment `json:"attachments,omitempty"`
}

type actor struct {
	ObjectType  string   `json:"objectType,omitempty"`
	Name        string   `json:"name,omitempty"`
	Mbox        string   `json:"mbox,omitempty"`
	MboxSHA1Sum string   `json:"mbox_sha1sum,omitempty"`
	OpenID      string   `json:"openid,omitempty"`
	Account     *account `json:"account,omitempty"`
	Member      []actor  `json:"member,omitempty"`
}

type account struct {
	HomePage string `json:"homePage"`
	Name     string `json:"name"`
}

type verb struct {
	ID      string      `json:"id"`
	Display languageMap `json:"display"`
}

type activity struct {
	ObjectType string      `json:"objectType,omitempty"`
	ID         string      `json:"id"`
	Definition *definition `json:"definition,omitempty"`
}

type definition struct {
	Type                    string      `json:"type,omitempty"`
	Name                    languageMap `json:"name,omitempty"`
	Description             languageMap `json:"description,omitempty"`
	MoreInfo                string      `json:"moreInfo,omitempty"`
	InteractionType         string      `json:"interactionType,omitempty"`
	CorrectResponsesPattern []string    `json:"correctResponsesPattern,omitempty"`
	Choices                 []component `json:"choices,omitempty"`
	Scale                   []component `json:"scale,omitempty"`
	Extensions              extensions  `json:"extensions,omitempty"`
}

type component struct {
	ID          string      `json:"id"`
	Description languageMap `json:"description"`
}

type reference struct {
	ObjectType string `json:"objectType"`
	ID         string `json:"id"`
}

type subStatement struct {
	ObjectType string   `json:"objectType"`
	Actor      actor    `json:"actor"`
	Verb       verb     `json:"verb"`
	Object     activity `json:"object"`
	Timestamp  string   `json:"timestamp"`
}

type result struct {
	Score      *score     `json:"score,omitempty"`
	Success    *bool      `json:"success,omitempty"`
	Completion *bool      `json:"completion,omitempty"`
	Response   string     `json:"response,omitempty"`
	Duration   string     `json:"duration,omitempty"`
	Extensions extensions `json:"extensions,omitempty"`
}

type score struct {
	Scaled float64  `json:"scaled"`
	Raw    *float64 `json:"raw,omitempty"`
	Min    *float64 `json:"min,omitempty"`
	Max    *float64 `json:"max,omitempty"`
}

type context struct {
	Registration      string             `json:"registration,omitempty"`
	Instructor        *actor             `json:"instructor,omitempty"`
	Team              *actor             `json:"team,omitempty"`
	ContextActivities *contextActivities `json:"contextActivities,omitempty"`
	ContextAgents     []contextAgent     `json:"contextAgents,omitempty"` // 2.0 only
	ContextGroups     []contextGroup     `json:"contextGroups,omitempty"` // 2.0 only
	Platform          string             `json:"platform,omitempty"`
	Language          string             `json:"language,omitempty"`
	Statement         *reference         `json:"statement,omitempty"`
	Extensions        extensions         `json:"extensions,omitempty"`
}

type contextActivities struct {
	Parent   []activity `json:"parent,omitempty"`
	Grouping []activity `json:"grouping,omitempty"`
	Category []activity `json:"category,omitempty"`
}

type contextAgent struct {
	ObjectType    string   `json:"objectType"`
	Agent         actor    `json:"agent"`
	RelevantTypes []string `json:"relevantTypes,omitempty"`
}

type contextGroup struct {
	ObjectType    string   `json:"objectType"`
	Group         actor    `json:"group"`
	RelevantTypes []string `json:"relevantTypes,omitempty"`
}

type attachment struct {
	UsageType   string      `json:"usageType"`
	Display     languageMap `json:"display"`
	Description languageMap `json:"description,omitempty"`
	ContentType string      `json:"contentType"`
	Length      int         `json:"length"`
	SHA2        string      `json:"sha2"`
	FileURL     string      `json:"fileUrl"`
}
