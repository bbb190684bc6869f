import { LANGUAGES, type Language } from './marketplaces.ts';

/** Top-level categories; `hue` is the base hue of their pictures, in degrees. */
const DEPARTMENTS = {
  phones: { id: '15032', name: 'Cell Phones & Accessories', hue: 215 },
  computers: { id: '58058', name: 'Computers/Tablets & Networking', hue: 195 },
  electronics: { id: '293', name: 'Consumer Electronics', hue: 255 },
  home: { id: '11700', name: 'Home & Garden', hue: 95 },
  sports: { id: '888', name: 'Sporting Goods', hue: 20 },
  motors: { id: '6000', name: 'Vehicle Parts & Accessories', hue: 0 },
  pets: { id: '1281', name: 'Pet Supplies', hue: 35 },
  beauty: { id: '26395', name: 'Health & Beauty', hue: 325 },
  toys: { id: '220', name: 'Toys & Hobbies', hue: 50 },
  baby: { id: '2984', name: 'Baby', hue: 170 },
  collectables: { id: '1', name: 'Collectables', hue: 285 },
};

/** Condition ids are the same everywhere; their texts follow the language of the listing's site (`LANGUAGES`). */
// biome-ignore format: a table reads best with one row a line
const CONDITIONS: Readonly<Record<string, readonly string[]>> = {
  '1000': ['New', 'Neu', 'Neuf', 'Nuovo', 'Nuevo', 'Nieuw', 'Nowy'],
  '1500': ['Open box', 'Neu: Sonstige', 'Ouvert (jamais utilisé)', 'Nuovo (altro)', 'Caja abierta', 'Nieuw: overige', 'Nowy inny'],
  '2020': ['Very Good - Refurbished', 'Sehr gut - Refurbished', 'Très bon état - Reconditionné', 'Ottimo - Ricondizionato', 'Muy bueno - Reacondicionado', 'Zeer goed - Refurbished', 'Bardzo dobry - odnowiony'],
  '2030': ['Good - Refurbished', 'Gut - Refurbished', 'Bon état - Reconditionné', 'Buono - Ricondizionato', 'Bueno - Reacondicionado', 'Goed - Refurbished', 'Dobry - odnowiony'],
  '3000': ['Used', 'Gebraucht', 'Occasion', 'Usato', 'De segunda mano', 'Gebruikt', 'Używany'],
  '7000': ['For parts or not working', 'Als Ersatzteil / defekt', 'Pour pièces détachées', 'Per parti di ricambio', 'Para piezas o no funciona', 'Voor onderdelen of defect', 'Na części lub uszkodzony'],
};

export function conditionText(id: string, language: Language): string {
  return CONDITIONS[id]?.[LANGUAGES.indexOf(language)] ?? 'Unspecified';
}

/**
 * One kind of product; everything else about its listings is drawn. `listings` counts those on EBAY_US: other sites have
 * their share of it, and up to 20 all have the same. `low` and `high` are prices in US dollars. Features are selling
 * words, versions also what it fits; both are divided by `|`.
 */
type Row = readonly [
  noun: string,
  department: keyof typeof DEPARTMENTS,
  leafId: number,
  leafName: string,
  listings: number,
  low: number,
  high: number,
  features: string,
  versions: string,
  german: string,
];

const PHONES =
  'for iPhone 15|for iPhone 15 Pro|for iPhone 14|for iPhone 13|for iPhone 12 Mini|for Galaxy S24|for Galaxy S23|for Galaxy A54|for Pixel 8|for Pixel 7a';
const WATTS = '20W|25W|30W|45W|65W|100W';

/** Number of the first family → families. A number is part of listing numbers: a new family goes to the end of its list. */
// biome-ignore format: a table reads best with one row a line
const ROWS: Readonly<Record<number, readonly Row[]>> = {
  0: [
    ['Phone Case', 'phones', 20349, 'Cases, Covers & Skins', 13000, 3, 35, 'Slim|Shockproof|Clear|Leather|Magnetic|Silicone|Rugged|Wallet|Matte|Hybrid', PHONES, 'Handyhülle'],
    ['USB C Charger', 'phones', 123417, 'Chargers & Cradles', 6400, 6, 60, 'Fast|GaN|Dual Port|PD|Compact|Foldable|Quick Charge|4 Port', WATTS, 'Ladegerät'],
    ['USB Wall Charger', 'phones', 123417, 'Chargers & Cradles', 4200, 4, 35, 'Fast|Dual Port|Travel|Universal|Quick Charge|6 Port', WATTS, 'Netzteil'],
    ['USB Car Charger', 'phones', 123417, 'Chargers & Cradles', 3600, 4, 30, 'Fast|Metal|Mini|Dual Port|LED Display|Quick Charge', WATTS, 'Autoladegerät'],
    ['Wireless Charger', 'phones', 123417, 'Chargers & Cradles', 3800, 8, 70, 'Magnetic|Fast|3 in 1|Foldable|Stand|Desktop|Qi', '10W|15W|25W', 'Induktionsladegerät'],
    ['USB C Cable', 'phones', 123418, 'Cables & Adapters', 5200, 2, 25, 'Braided|Fast Charging|Nylon|Right Angle|Coiled|2 Pack|3 Pack', '1m|2m|3m|6ft|10ft', 'Ladekabel'],
    ['Screen Protector', 'phones', 58540, 'Screen Protectors', 4800, 2, 20, 'Tempered Glass|Privacy|Matte|Anti Glare|2 Pack|3 Pack|Full Cover', PHONES, 'Panzerglas'],
    ['Power Bank', 'phones', 123420, 'Batteries', 3100, 9, 85, 'Slim|Solar|Magnetic|Fast Charging|Portable|LED Display', '5000mAh|10000mAh|20000mAh|30000mAh', 'Powerbank'],
    ['Phone Holder', 'phones', 35190, 'Mounts & Holders', 2700, 4, 40, 'Magnetic|Car|Bike|Adjustable|Dashboard|Air Vent|360', 'Universal|for iPhone|for Samsung', 'Handyhalterung'],
    ['Ring Light', 'phones', 29994, 'Selfie Lights', 900, 8, 90, 'LED|Dimmable|USB|Desktop|with Tripod', '6 inch|8 inch|10 inch|18 inch', 'Ringlicht'],
    ['Wireless Mouse', 'computers', 23160, 'Mice, Trackballs & Touchpads', 3400, 6, 75, 'Ergonomic|Silent|Rechargeable|Bluetooth|Slim|Vertical|Gaming', '1600 DPI|2400 DPI|4000 DPI', 'Maus'],
    ['Mechanical Keyboard', 'computers', 33963, 'Keyboards & Keypads', 2200, 22, 190, 'RGB|Hot Swap|Wireless|Compact|60%|75%|TKL|Backlit', 'Red Switch|Brown Switch|Blue Switch', 'Tastatur'],
    ['Laptop Stand', 'computers', 96991, 'Laptop Stands', 1800, 9, 65, 'Aluminium|Foldable|Adjustable|Portable|Ergonomic', '10-16 inch|11-17 inch', 'Laptopständer'],
    ['USB C Hub', 'computers', 44995, 'USB Hubs', 2100, 12, 95, '7 in 1|4 Port|6 in 1|Docking|Aluminium|4K', 'HDMI|HDMI Ethernet|SD Card', 'Adapter'],
    ['Webcam', 'computers', 4616, 'Webcams', 1300, 14, 140, 'HD|4K|Autofocus|with Microphone|Privacy Cover|Wide Angle', '720p|1080p|2K', 'Webcam'],
    ['Gaming Headset', 'computers', 74942, 'Headsets', 1700, 15, 160, 'Surround|RGB|Wireless|Lightweight|Noise Cancelling|with Mic', 'for PC|for Console|for PC and Console', 'Kopfhörer'],
    ['SSD', 'computers', 175669, 'Solid State Drives', 1600, 22, 240, 'NVMe|SATA|Portable|External|High Speed', '256GB|512GB|1TB|2TB|4TB', 'Festplatte'],
    ['HDMI Cable', 'electronics', 80215, 'Video Cables', 2300, 4, 45, '4K|8K|Braided|High Speed|Ultra|Gold Plated', '1m|2m|3m|5m|10m', 'Kabel'],
    ['Bluetooth Speaker', 'electronics', 111694, 'Portable Speakers', 2600, 12, 180, 'Waterproof|Portable|Mini|Outdoor|Bass|Party|Solar', '5W|10W|20W|40W', 'Lautsprecher'],
    ['Wireless Earbuds', 'electronics', 112529, 'Headphones', 4100, 9, 150, 'Noise Cancelling|Sport|Waterproof|Bluetooth|Open Ear|In Ear|Mini', '24h|30h|48h|60h', 'Ohrhörer'],
    ['Smart Watch', 'electronics', 178893, 'Smart Watches', 3300, 18, 230, 'Fitness|GPS|Waterproof|Heart Rate|Sport|AMOLED', '40mm|42mm|44mm|46mm', 'Armbanduhr'],
    ['Watch Band', 'electronics', 182064, 'Smart Watch Bands', 3000, 3, 40, 'Silicone|Leather|Metal|Nylon|Magnetic|Sport|Milanese', '20mm|22mm|for 41mm|for 45mm', 'Armband'],
    ['Action Camera', 'electronics', 31388, 'Digital Cameras', 900, 35, 290, '4K|Waterproof|Wide Angle|Dual Screen|Sport', '16MP|20MP|48MP', 'Kamera'],
    ['Tripod', 'electronics', 30093, 'Tripods & Monopods', 1400, 10, 130, 'Flexible|Travel|Carbon|Lightweight|Heavy Duty', '1.3m|1.6m|1.8m|for Phone', 'Stativ'],
    ['Portable Projector', 'electronics', 22610, 'Home Theatre Projectors', 700, 45, 380, 'Mini|WiFi|LED|Smart|HD', '720p|1080p|4K', 'Beamer'],
    ['Baby Monitor', 'baby', 20433, 'Baby Monitors', 520, 28, 190, 'Video|Night Vision|Two Way|WiFi|Long Range', '2.4 inch|5 inch', 'Babyphone'],
    ['Dash Cam', 'motors', 38641, 'In-Car Cameras', 1500, 24, 260, '4K|Dual|Night Vision|WiFi|Parking Mode|Front and Rear|Mini', '1080p|1440p|64GB', 'Autokamera'],
    ['Tyre Inflator', 'motors', 179690, 'Air Compressors', 800, 18, 110, 'Cordless|Portable|Digital|Fast|Rechargeable', '12V|120 PSI|150 PSI', 'Luftpumpe'],
    ['Car Seat Cover', 'motors', 33702, 'Seat Covers', 1900, 15, 170, 'Universal|Leather|Waterproof|Breathable|Full Set', '2 Pieces|5 Seats|9 Pieces', 'Sitzbezug'],
    ['LED Headlight Bulb', 'motors', 33716, 'Headlights', 1700, 11, 95, 'Super Bright|Fanless|Canbus|Plug and Play', 'H4|H7|H11|9005', 'Scheinwerfer'],
  ],
  40: [
    ['LED Strip', 'home', 116022, 'String Lights & Strips', 3500, 5, 70, 'RGB|Smart|Dimmable|Waterproof|USB|Warm White|Music Sync', '2m|5m|10m|20m', 'Lichtband'],
    ['Garden Hose', 'home', 20527, 'Hoses', 1250, 12, 95, 'Expandable|Flexible|Kink Free|Heavy Duty|Retractable|with Nozzle', '15m|25m|50ft|100ft', 'Gartenschlauch'],
    ['Coffee Grinder', 'home', 32882, 'Coffee Grinders', 860, 14, 180, 'Manual|Electric|Ceramic|Burr|Portable|Adjustable', '30g|60g|100g', 'Kaffeemühle'],
    ['Kitchen Scale', 'home', 20639, 'Kitchen Scales', 940, 8, 45, 'Digital|Slim|Rechargeable|Waterproof|Glass', '3kg|5kg|10kg', 'Küchenwaage'],
    ['Chef Knife', 'home', 177009, 'Kitchen Knives', 1100, 12, 150, 'Stainless Steel|Damascus|Sharp|Forged|Professional', '6 inch|8 inch|10 inch', 'Kochmesser'],
    ['Air Fryer', 'home', 159903, 'Fryers', 480, 38, 220, 'Digital|Dual Basket|Compact|Oil Free|Family', '3L|5L|8L', 'Heißluftfritteuse'],
    ['Vacuum Storage Bag', 'home', 43506, 'Storage Bags', 700, 6, 35, 'Jumbo|Travel|Reusable|with Pump', '5 Pack|10 Pack|20 Pack', 'Vakuumbeutel'],
    ['Shower Head', 'home', 71282, 'Shower Heads', 1350, 9, 85, 'High Pressure|Handheld|Rainfall|Water Saving|Filtered', '3 Modes|5 Modes|6 Modes', 'Duschkopf'],
    ['Desk Lamp', 'home', 112581, 'Lamps', 1600, 12, 95, 'LED|Dimmable|Foldable|Touch|Clip On|USB', '5W|10W|12W', 'Schreibtischlampe'],
    ['Solar Garden Light', 'home', 94940, 'Outdoor Lighting', 2100, 7, 60, 'Waterproof|LED|Motion Sensor|Warm White|Pathway', '2 Pack|4 Pack|8 Pack|12 Pack', 'Solarleuchte'],
    ['Curtain', 'home', 45515, 'Curtains & Drapes', 2400, 10, 80, 'Blackout|Thermal|Sheer|Eyelet|Linen|Velvet', '46x72|66x90|90x108', 'Vorhang'],
    ['Memory Foam Pillow', 'home', 20445, 'Bed Pillows', 980, 14, 75, 'Orthopaedic|Cooling|Contour|Neck Support', 'Standard|Queen|King', 'Kopfkissen'],
    ['Plant Pot', 'home', 20518, 'Planters & Pots', 1300, 5, 60, 'Ceramic|Hanging|Self Watering|Indoor|Modern', '10cm|15cm|20cm|30cm', 'Blumentopf'],
    ['Cordless Drill', 'home', 71319, 'Drills', 900, 32, 210, 'Brushless|Compact|Hammer|with Battery|Kit', '12V|18V|20V|21V', 'Akkuschrauber'],
    ['Tool Box', 'home', 42259, 'Tool Boxes', 640, 15, 160, 'Steel|Portable|Stackable|with Tray', '16 inch|20 inch|24 inch', 'Werkzeugkasten'],
    ['Air Purifier', 'home', 43510, 'Air Purifiers', 560, 35, 260, 'HEPA|Quiet|Smart|Desktop|with Night Light', '20m2|35m2|60m2', 'Luftreiniger'],
    ['Robot Vacuum', 'home', 139773, 'Vacuum Cleaners', 610, 85, 480, 'Smart|Self Emptying|Mop|Mapping|Slim', '2000Pa|4000Pa|8000Pa', 'Staubsauger'],
    ['Water Bottle', 'sports', 181377, 'Water Bottles', 2300, 6, 45, 'Insulated|Stainless Steel|Leakproof|with Straw|Sport', '500ml|750ml|1L|40oz', 'Trinkflasche'],
    ['Dog Bed', 'pets', 20744, 'Beds', 1400, 14, 120, 'Orthopaedic|Washable|Calming|Waterproof|Plush', 'Small|Medium|Large|XL', 'Hundebett'],
    ['Cat Tree', 'pets', 20740, 'Furniture & Scratchers', 720, 24, 190, 'Tall|with Hammock|Sisal|Multi Level', '90cm|120cm|150cm|180cm', 'Kratzbaum'],
    ['Pet Hair Remover', 'pets', 66780, 'Grooming', 830, 5, 35, 'Reusable|Self Cleaning|Roller|Double Sided', '1 Piece|2 Pack', 'Tierhaarentferner'],
    ['Hair Dryer', 'beauty', 11858, 'Hair Dryers', 1250, 15, 190, 'Ionic|Professional|Travel|Foldable|Brushless', '1200W|1800W|2200W', 'Haartrockner'],
    ['Electric Toothbrush', 'beauty', 56750, 'Electric Toothbrushes', 890, 16, 140, 'Sonic|Rechargeable|Travel|with Timer', '2 Heads|4 Heads|8 Heads', 'Zahnbürste'],
    ['Massage Gun', 'beauty', 36448, 'Massagers', 1150, 22, 200, 'Deep Tissue|Mini|Quiet|Heated|Percussion', '4 Heads|6 Heads|8 Heads', 'Massagepistole'],
    ['Theremin Kit', 'collectables', 16224, 'Electronic Instruments', 7, 60, 240, 'Handmade|Vintage Style|Solderless', 'Mono|Stereo', 'Theremin Bausatz'],
    ['Brass Astrolabe', 'collectables', 13905, 'Scientific Instruments', 3, 40, 160, 'Antique Style|Engraved', '10cm|15cm', 'Astrolabium'],
  ],
  70: [
    ['Yoga Mat', 'sports', 158928, 'Yoga Mats & Non-Slip Towels', 1900, 10, 90, 'Non Slip|Extra Thick|Eco|Cork|Foldable|with Strap', '6mm|8mm|10mm|15mm', 'Gymnastikmatte'],
    ['Resistance Band', 'sports', 158919, 'Resistance Trainers', 1700, 5, 50, 'Fabric|Latex|Heavy|Pull Up|Set', '3 Pack|5 Pack|11 Pieces', 'Fitnessband'],
    ['Adjustable Dumbbell', 'sports', 137865, 'Dumbbells', 640, 28, 320, 'Cast Iron|Pair|Compact|Quick Lock', '10kg|20kg|24kg|40kg', 'Hantel'],
    ['Camping Tent', 'sports', 179011, 'Tents', 820, 32, 340, 'Pop Up|Waterproof|Lightweight|Family|Ultralight', '1 Person|2 Person|4 Person|6 Person', 'Zelt'],
    ['Sleeping Bag', 'sports', 181397, 'Sleeping Bags', 760, 18, 180, 'Down|Lightweight|Mummy|Double|3 Season', '0C|5C|-10C', 'Schlafsack'],
    ['Headlamp', 'sports', 106984, 'Flashlights', 1250, 7, 75, 'Rechargeable|LED|Waterproof|Motion Sensor|Bright', '400LM|1000LM|2000LM', 'Stirnlampe'],
    ['Bike Light', 'sports', 106943, 'Lights & Reflectors', 1500, 7, 85, 'USB|Rechargeable|Waterproof|Front and Rear|LED', '400LM|800LM|1200LM', 'Fahrradlicht'],
    ['Bike Helmet', 'sports', 70911, 'Helmets', 930, 18, 150, 'Lightweight|Adjustable|Kids|Road|with Visor', 'S|M|L|54-58cm', 'Fahrradhelm'],
    ['Hiking Backpack', 'sports', 36114, 'Day Packs', 1450, 19, 170, 'Waterproof|Lightweight|with Rain Cover|Foldable', '20L|30L|40L|60L', 'Rucksack'],
    ['Fishing Reel', 'sports', 108153, 'Reels', 1200, 14, 190, 'Spinning|Baitcasting|Lightweight|Saltwater', '1000|2000|3000|5000', 'Angelrolle'],
    ['Running Belt', 'sports', 137879, 'Fitness Accessories', 680, 7, 35, 'Waterproof|Slim|Adjustable|Reflective', 'S|M|L', 'Laufgürtel'],
    ['Building Blocks', 'toys', 183448, 'Building Toys', 1800, 9, 120, 'Creative|Compatible|Large|Educational|Technic', '500 Pieces|1000 Pieces|2000 Pieces', 'Bausteine'],
    ['RC Car', 'toys', 182185, 'RC Cars', 1050, 18, 240, 'Off Road|High Speed|4WD|Waterproof|Drift', '1:10|1:16|1:18|1:24', 'Ferngesteuertes Auto'],
    ['Drone', 'toys', 182186, 'Camera Drones', 780, 28, 390, 'Foldable|4K|GPS|Brushless|Mini', '1 Battery|2 Batteries|3 Batteries', 'Drohne'],
    ['Board Game', 'toys', 180349, 'Board Games', 1400, 10, 80, 'Family|Strategy|Cooperative|Party|Deluxe', '2 Players|2-4 Players|4-8 Players', 'Brettspiel'],
    ['Jigsaw Puzzle', 'toys', 19183, 'Puzzles', 1650, 6, 45, 'Wooden|Landscape|Panorama|Difficult', '500 Pieces|1000 Pieces|2000 Pieces', 'Puzzle'],
    ['Plush Toy', 'toys', 230, 'Stuffed Animals', 1900, 5, 60, 'Soft|Giant|Weighted|Cute', '20cm|30cm|50cm|80cm', 'Kuscheltier'],
    ['Baby Carrier', 'baby', 100982, 'Carriers', 560, 18, 160, 'Ergonomic|Breathable|Newborn|Hip Seat', '0-36 Months|3-48 Months', 'Babytrage'],
    ['Vintage Camera', 'collectables', 15230, 'Film Cameras', 1150, 18, 420, 'Working|Untested|with Lens|35mm|Folding', '1950s|1960s|1970s|1980s', 'Filmkamera'],
    ['Trading Card', 'collectables', 183454, 'Collectible Card Games', 5200, 1, 220, 'Holo|Rare|First Edition|Promo|Mint', 'English|Japanese|German', 'Sammelkarte'],
    ['Slide Rule', 'collectables', 13906, 'Calculators', 5, 14, 90, 'Vintage|with Case|Bamboo', '10 inch|12 inch', 'Rechenschieber'],
    ['Fountain Pen', 'collectables', 966, 'Pens', 720, 8, 180, 'Vintage|Gold Nib|Piston|Resin', 'Fine|Medium|Broad', 'Füller'],
  ],
};

export type Family = (typeof FAMILIES)[number];
export const FAMILIES = Object.entries(ROWS).flatMap(([first, rows]) =>
  rows.map(([noun, key, leafId, leafName, listings, low, high, features, versions, german], index) => ({
    number: Number(first) + index,
    noun,
    german,
    leaf: { id: String(leafId), name: leafName, department: DEPARTMENTS[key] },
    listings,
    low,
    high,
    features: features.split('|'),
    versions: versions.split('|'),
  })),
);
