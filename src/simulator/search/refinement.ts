import { conditionText } from '../catalogue/conditions.ts';
import type { Listing } from '../catalogue/listing.ts';
import { aspectValues } from './aspects.ts';

const NAMES = ['Brand', 'Type', 'Color', 'Features'];

/** The `refinement` container for the fieldgroups that ask for it, or nothing. `link` makes a narrower search. */
export function refine(
  listings: readonly Listing[],
  fieldgroups: ReadonlySet<string>,
  link: (parameter: string, value: string) => string,
) {
  const wants = (group: string) => fieldgroups.has(group) || fieldgroups.has('FULL');
  const counted = (of: (listing: Listing) => string) => {
    const counts = new Map<string, number>();
    for (const listing of listings) counts.set(of(listing), (counts.get(of(listing)) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  };
  const categories = counted(({ family }) => family.leaf.id);
  const refinement = {
    ...(wants('ASPECT_REFINEMENTS') && {
      dominantCategoryId: categories[0]?.[0] ?? '',
      aspectDistributions: NAMES.map((localizedAspectName) => ({
        localizedAspectName,
        aspectValueDistributions: aspectValues(listings, localizedAspectName).map(([value, matchCount]) => ({
          localizedAspectValue: value,
          matchCount,
          refinementHref: link(
            'aspect_filter',
            `categoryId:${categories[0]?.[0]},${localizedAspectName}:{${value}}`,
          ),
        })),
      })),
    }),
    ...(wants('BUYING_OPTION_REFINEMENTS') && {
      buyingOptionDistributions: counted(({ buyingOptions }) => buyingOptions[0] ?? '').map(
        ([buyingOption, matchCount]) => ({
          buyingOption,
          matchCount,
          refinementHref: link('filter', `buyingOptions:{${buyingOption}}`),
        }),
      ),
    }),
    ...(wants('CATEGORY_REFINEMENTS') && {
      categoryDistributions: categories.map(([categoryId, matchCount]) => ({
        categoryId,
        categoryName: listings.find(({ family }) => family.leaf.id === categoryId)?.family.leaf.name ?? '',
        matchCount,
        refinementHref: link('category_ids', categoryId),
      })),
    }),
    ...(wants('CONDITION_REFINEMENTS') && {
      conditionDistributions: counted(({ conditionId }) => conditionId ?? '').map(
        ([conditionId, matchCount]) => ({
          condition: conditionText(conditionId, listings[0]?.site.language ?? 'en'),
          conditionId,
          matchCount,
          refinementHref: link('filter', `conditionIds:{${conditionId}}`),
        }),
      ),
    }),
  };
  return Object.keys(refinement).length > 0 && listings.length > 0 ? { refinement } : {};
}
