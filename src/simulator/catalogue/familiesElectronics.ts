import type { FamilyRow } from './familyRow.ts';

const PHONES =
  'for iPhone 15|for iPhone 15 Pro|for iPhone 14|for iPhone 13|for iPhone 12 Mini|for Galaxy S24|for Galaxy S23|for Galaxy A54|for Pixel 8|for Pixel 7a';
const WATTS = '20W|25W|30W|45W|65W|100W';

// biome-ignore format: a table reads best with one row a line
export const ELECTRONICS: readonly FamilyRow[] = [
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
];
