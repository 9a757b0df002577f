//! Which places lie within others.

use super::When;

impl When {
    /// Places of which each holds wherever this one does.
    fn wider(self) -> &'static [Self] {
        match self {
            Self::Anywhere => &[],
            Self::Chat | Self::ScrolledUp | Self::Away => &[Self::Anywhere],
            Self::Empty | Self::Typing | Self::Answering | Self::Cited => &[Self::Chat],
            Self::Typed | Self::FirstLine | Self::LastLine => &[Self::Typing],
            Self::Slash | Self::Mentioning => &[Self::Typed],
            Self::NameChosen => &[Self::Mentioning],
            Self::Refused | Self::Suggested => &[Self::Typing, Self::Empty],
            Self::CitationSelected => &[Self::Cited],
            Self::Transcript | Self::Sources => &[Self::Chat, Self::Away],
            Self::List
            | Self::Filtering
            | Self::Naming
            | Self::Deleting
            | Self::Files
            | Self::FilesFiltering
            | Self::FileDetails
            | Self::Settings
            | Self::SettingEdited
            | Self::Models
            | Self::Licensing
            | Self::Page
            | Self::Inspecting
            | Self::Prompted
            | Self::Palette => &[Self::Away],
            Self::Passage | Self::Comparing => &[Self::Page],
        }
    }

    /// Does this place hold wherever `other` does?
    pub(in crate::tui) fn covers(self, other: Self) -> bool {
        self == other || other.wider().iter().any(|wider| self.covers(*wider))
    }

    /// May text be typed where this place holds?
    pub(super) fn takes_text(self) -> bool {
        const TYPED: [When; 12] = [
            When::Typed,
            When::FirstLine,
            When::LastLine,
            When::Slash,
            When::Mentioning,
            When::NameChosen,
            When::Filtering,
            When::FilesFiltering,
            When::Naming,
            When::Settings,
            When::SettingEdited,
            When::Palette,
        ];
        self == Self::Answering || TYPED.into_iter().any(|place| self.covers(place))
    }
}
